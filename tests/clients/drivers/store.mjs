// Collections for clients which only pass messages on, as their documentation tells users to keep.
import EJSON from 'ejson';

export class Store {
  #collections = new Map();

  added({ collection, id, fields = {} }) {
    if (!this.#collections.has(collection)) this.#collections.set(collection, new Map());
    const documents = this.#collections.get(collection);
    if (documents.has(id)) throw new Error(`added twice: ${collection} ${id}`);
    documents.set(id, { ...fields });
  }

  changed({ collection, id, fields = {}, cleared = [] }) {
    const document = this.#document(collection, id);
    Object.assign(document, fields);
    for (const name of cleared) delete document[name];
  }

  removed({ collection, id }) {
    this.#document(collection, id);
    this.#collections.get(collection).delete(id);
  }

  clear() {
    this.#collections.clear();
  }

  documents() {
    const entries = [...this.#collections].map(([name, documents]) => [
      name,
      Object.fromEntries(documents),
    ]);
    return plain(Object.fromEntries(entries));
  }

  #document(collection, id) {
    const document = this.#collections.get(collection)?.get(id);
    if (!document) throw new Error(`unknown document: ${collection} ${id}`);
    return document;
  }
}

// One shape for all clients: EJSON, sorted, without empty collections.
export function plain(collections) {
  const full = Object.entries(collections).filter(([, documents]) => Object.keys(documents).length);
  const json = EJSON.toJSONValue(Object.fromEntries(full));
  return sorted(json);
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]));
}

// {id: fields} of documents which carry their id.
export function byId(documents, name = '_id') {
  return Object.fromEntries(
    documents.map(({ [name]: id, ...fields }) => [id, fields]),
  );
}
