/** An image, and others beside it: of the same task, or what other tasks of its step wrote under its name. */
import { type ReactNode, useEffect, useState } from "react"
import * as Api from "../api.ts"
import { ApiError } from "../apiError.ts"
import { toArtifactOf, useNames } from "../router.ts"
import { Failure, Link, Loading } from "./basic.tsx"

/** The task that an artifact is looked at from. */
export interface ArtifactOf {
  readonly run: string
  readonly step: string
  readonly index: string
  readonly name: string
}

/** An image of a run, as `draw/3/picture`. */
interface Place {
  readonly task: string
  readonly name: string
}

const textOf = ({ name, task }: Place): string => `${task}/${name}`

const placeOf = (text: string): Place => {
  const cut = text.lastIndexOf("/")
  return { task: text.slice(0, cut), name: text.slice(cut + 1) }
}

const ImageViewer = ({
  artifact,
  of,
  otherwise
}: {
  readonly artifact: Api.ArtifactView["ref"]
  readonly of: ArtifactOf | undefined
  /** What is shown of bytes that are no image. */
  readonly otherwise: ReactNode
}) => {
  const [beside, toggle] = useNames("beside")
  if (of === undefined) return <Picture digest={artifact.digest} name={artifact.name} otherwise={otherwise} />
  const own: Place = { task: `${of.step}/${of.index}`, name: of.name }
  const others = [...beside].map(placeOf)
  return (
    <>
      <Chooser of={of} own={own} beside={beside} add={toggle} />
      {others.length === 0 ? (
        <Picture digest={artifact.digest} name={artifact.name} otherwise={otherwise} />
      ) : (
        <div className="image-grid">
          <figure>
            <figcaption>{textOf(own)}</figcaption>
            <Picture digest={artifact.digest} name={textOf(own)} otherwise={otherwise} />
          </figure>
          {others.map((place) => (
            <Beside key={textOf(place)} run={of.run} place={place} remove={() => toggle(textOf(place))} />
          ))}
        </div>
      )}
    </>
  )
}

export default ImageViewer

const Picture = ({
  digest,
  name,
  otherwise
}: {
  readonly digest: string
  readonly name: string
  readonly otherwise?: ReactNode
}) => {
  const [broken, setBroken] = useState<string>()
  if (broken === digest) {
    return (
      <>
        <Failure error={new ApiError("The browser can't show this image.", 0)} retry={() => setBroken(undefined)} />
        {otherwise}
      </>
    )
  }
  return (
    <div className="image-viewer">
      <img src={Api.contentUrl(digest)} alt={`The artifact ${name}`} onError={() => setBroken(digest)} />
    </div>
  )
}

/** An image of another task, or another one of the same. */
const Beside = ({
  place,
  remove,
  run
}: {
  readonly run: string
  readonly place: Place
  readonly remove: () => void
}) => {
  const { name, task } = place
  const result = Api.useQuery(`task ${run}/${task}`, (signal) => Api.task(run, task, signal))
  const ref = result.data?.task.outputs.find((output) => output.name === name)
  return (
    <figure>
      <figcaption>
        <Link to={toArtifactOf(run, task, name)}>{textOf(place)}</Link>
        <button type="button" className="quiet" onClick={remove} aria-label={`Remove ${textOf(place)}`}>
          ×
        </button>
      </figcaption>
      {result.error !== undefined ? (
        <Failure error={result.error} retry={result.reload} />
      ) : result.data === undefined ? (
        <Loading what="the image" />
      ) : ref === undefined ? (
        <p className="viewer-note">
          {task} wrote no {name}.
        </p>
      ) : (
        <Picture digest={ref.digest} name={textOf(place)} />
      )}
    </figure>
  )
}

/** The most images that are offered. */
const choicesLimit = 500

/** What can be shown beside the image. */
const usePlaces = ({ index, name, run, step }: ArtifactOf): ReadonlyArray<Place> => {
  const task = `${step}/${index}`
  const own = Api.useQuery(`task ${run}/${task}`, (signal) => Api.task(run, task, signal))
  const [others, setOthers] = useState<ReadonlyArray<Place>>([])
  useEffect(() => {
    const controller = new AbortController()
    const load = async () => {
      const places: Array<Place> = []
      let after: number | undefined = 0
      while (after !== undefined && places.length < choicesLimit) {
        const page: Awaited<ReturnType<typeof Api.tasks>> = await Api.tasks(run, after, controller.signal)
        for (const other of page.tasks) {
          const isLike = other.step === step && other.id !== task && other.outputs.includes(name)
          if (isLike && places.length < choicesLimit) places.push({ task: other.id, name })
        }
        after = page.next
      }
      setOthers(places)
    }
    // What can't be loaded is not offered.
    load().catch(() => {})
    return () => controller.abort()
  }, [run, step, task, name])
  const siblings = (own.data?.task.outputs ?? []).filter(
    (output) => output.name !== name && output.mediaType.startsWith("image/")
  )
  return [...siblings.map((output): Place => ({ task, name: output.name })), ...others]
}

const Chooser = ({
  add,
  beside,
  of,
  own
}: {
  readonly of: ArtifactOf
  readonly own: Place
  readonly beside: ReadonlySet<string>
  readonly add: (place: string) => void
}) => {
  const places = usePlaces(of).filter((place) => !beside.has(textOf(place)))
  if (places.length === 0) return null
  return (
    <div className="image-tools">
      <label>
        <span>Beside {textOf(own)}</span>{" "}
        <select value="" onChange={(event) => add(event.target.value)} aria-label="Show another image beside this one">
          <option value="">choose an image</option>
          {places.map((place) => (
            <option key={textOf(place)}>{textOf(place)}</option>
          ))}
        </select>
      </label>
    </div>
  )
}
