/** Documents as the server last told them, and who wants to hear of changes. */

import { Emitter } from './emitter.js';
import { equals, fromJSON, idFromWire, idToWire } from './ejson.js';

/** @typedef {import('./ddp.d.ts').Doc} Doc */
/** @typedef {{msg: string, id: string, fields?: object, cleared?: string[]}} DataMessage */

/**
 * The live documents of one collection. Documents are frozen: a change makes a new object.
 *
 * Reading sees every message at once; listeners hear of the net difference, once per batch.
 * While a new session is being filled (`refill` to `settle`) the documents of the old one stay.
 */
export class Collection extends Emitter {
  /** @type {Map<string, Doc>} */
  #docs = new Map();
  /** @type {Map<string, Doc> | null} */
  #incoming = null;
  /** @type {Map<string, Doc | undefined>} what listeners know of documents touched since */
  #before = new Map();
  #touched;

  /** @param {string} name @param {() => void} touched asks for a `flush` soon */
  constructor(name, touched) {
    super();
    this.name = name;
    this.#touched = touched;
  }

  get size() {
    return this.#docs.size;
  }

  [Symbol.iterator]() {
    return this.#docs.values();
  }

  /** @param {unknown} id */
  get(id) {
    return this.#docs.get(idToWire(id));
  }

  /** @param {(doc: Doc) => unknown} [filter] */
  find(filter = () => true) {
    return [...this].filter((doc) => filter(doc));
  }

  /**
   * Hear of each document: the present ones are `added` at once.
   *
   * @param {import('./ddp.d.ts').Observer<Doc>} observer
   */
  observe(observer) {
    this.flush();
    const stop = this.on('change', ({ added, changed, removed }) => {
      for (const doc of removed) observer.removed?.(doc);
      for (const { doc, old, fields } of changed) observer.changed?.(doc, old, fields);
      for (const doc of added) observer.added?.(doc);
    });
    for (const doc of this) observer.added?.(doc);
    return stop;
  }

  /** @param {DataMessage} message `added`, `changed` or `removed` */
  receive({ msg, id, fields, cleared = [] }) {
    const docs = this.#incoming ?? this.#docs;
    const old = docs.get(id);
    if (msg !== 'added' && !old) return;
    if (docs === this.#docs) this.#touch(id, old);
    if (msg === 'removed') {
      docs.delete(id);
      return;
    }
    const _id = idFromWire(id);
    const base = msg === 'changed' ? old : { _id };
    const doc = { ...base, ...fromJSON(fields ?? {}) };
    for (const field of cleared) delete doc[field];
    docs.set(id, Object.freeze(Object.assign(doc, { _id })));
  }

  /** Collect the documents of a new session aside. */
  refill() {
    this.#incoming = new Map();
  }

  /** Show what was collected since `refill`; equal documents stay the same objects. */
  settle() {
    const incoming = this.#incoming;
    if (!incoming) return;
    for (const id of new Set([...this.#docs.keys(), ...incoming.keys()])) {
      const old = this.#docs.get(id);
      if (old && equals(old, incoming.get(id))) incoming.set(id, old);
      else this.#touch(id, old);
    }
    this.#docs = incoming;
    this.#incoming = null;
  }

  /** Tell listeners the difference since the last time. */
  flush() {
    /** @type {import('./ddp.d.ts').Changes<Doc>} */
    const changes = { added: [], changed: [], removed: [] };
    for (const [id, old] of this.#before) {
      const doc = this.#docs.get(id);
      if (!old && doc) changes.added.push(doc);
      else if (old && !doc) changes.removed.push(old);
      else if (old && doc) {
        const fields = differingFields(old, doc);
        if (fields.length) changes.changed.push({ doc, old, fields });
      }
    }
    this.#before.clear();
    const { added, changed, removed } = changes;
    if (added.length || changed.length || removed.length) this.emit('change', changes);
  }

  /** @param {string} id @param {Doc | undefined} old */
  #touch(id, old) {
    if (!this.#before.has(id)) this.#before.set(id, old);
    this.#touched();
  }
}

/** @param {Doc} old @param {Doc} doc */
function differingFields(old, doc) {
  const fields = new Set([...Object.keys(old), ...Object.keys(doc)]);
  return [...fields].filter((field) => !equals(old[field], doc[field]));
}
