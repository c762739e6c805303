/**
 * EJSON, the JSON of DDP: dates, binary, NaN and infinities, regular expressions, ObjectIDs and
 * types of your own travel as objects with `$` keys (DDP 1, "Appendix: EJSON").
 */

/** A MongoDB-like id: two with the same 24 hex digits are equal. */
export class ObjectID {
  /** @param {string} hex */
  constructor(hex) {
    if (!/^[0-9a-f]{24}$/i.test(hex)) throw new TypeError('An ObjectID has 24 hex digits.');
    this.hex = hex.toLowerCase();
    Object.freeze(this);
  }

  /** @param {unknown} other */
  equals(other) {
    return other instanceof ObjectID && other.hex === this.hex;
  }

  toString() {
    return this.hex;
  }
}

/**
 * @typedef {object} CustomType
 * @property {Function} Class
 * @property {(value: any) => unknown} toValue
 * @property {(value: any) => unknown} fromValue
 */
/** @type {Map<string, CustomType>} */
const types = new Map();

/**
 * Make instances of `Class` travel as `{$type: name, $value: toValue(instance)}`.
 *
 * @type {typeof import('./ddp.d.ts').EJSON.addType}
 */
export function addType(name, Class, toValue, fromValue) {
  if (types.has(name)) throw new TypeError(`The EJSON type "${name}" is registered already.`);
  types.set(name, { Class, toValue, fromValue });
}

addType('oid', ObjectID, String, (hex) => new ObjectID(hex));

/** @param {string} base64 */
const bytesFromBase64 = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));

/** @param {Uint8Array} bytes */
function bytesToBase64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** @param {string} flags */
const knownFlags = (flags) => [...new Set(flags.slice(0, 50).replace(/[^gimuy]/g, ''))].join('');

/**
 * @param {Record<string, any>} object
 * @param {(value: any) => unknown} convert
 */
function mapValues(object, convert) {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, convert(value)]));
}

/**
 * What an object with exactly these (sorted) keys stands for.
 *
 * @type {Map<string, (encoded: any) => unknown>}
 */
const revivers = new Map([
  ['$date', ({ $date }) => new Date($date ?? NaN)],
  ['$flags,$regexp', ({ $regexp, $flags }) => new RegExp($regexp, knownFlags($flags))],
  ['$InfNaN', ({ $InfNaN }) => $InfNaN / 0],
  ['$binary', ({ $binary }) => bytesFromBase64($binary)],
  ['$escape', ({ $escape }) => mapValues($escape, fromJSON)],
  ['$type,$value', reviveCustom],
]);

/** @param {{$type: string, $value: unknown}} encoded a type nobody registered stays as it came */
function reviveCustom(encoded) {
  const type = types.get(encoded.$type);
  return type ? type.fromValue(fromJSON(encoded.$value)) : encoded;
}

/** @param {object} object */
function reviverOf(object) {
  const keys = Object.keys(object);
  if (keys.length > 2 || !keys[0]?.startsWith('$')) return undefined;
  return revivers.get(keys.sort().join());
}

/** @param {any} json @returns {any} the value a tree of plain JSON stands for */
export function fromJSON(json) {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJSON);
  const revive = reviverOf(json);
  return revive ? revive(json) : mapValues(json, fromJSON);
}

/** @param {object} value */
function kindOf(value) {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Date) return 'date';
  if (value instanceof RegExp) return 'regexp';
  if (value instanceof Uint8Array) return 'binary';
  for (const [name, type] of types) if (value instanceof type.Class) return `type ${name}`;
  return 'object';
}

/** @param {any} value @returns {any} a tree of plain JSON values */
export function toJSON(value) {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $InfNaN: Number.isNaN(value) ? 0 : Math.sign(value) };
  }
  if (typeof value !== 'object' || value === null) return value;
  switch (kindOf(value)) {
    case 'array': return value.map(toJSON);
    case 'date': return { $date: value.getTime() };
    case 'regexp': return { $regexp: value.source, $flags: value.flags };
    case 'binary': return { $binary: bytesToBase64(value) };
    case 'object': return objectToJSON(value);
    default: return customToJSON(value);
  }
}

/** @param {any} object */
function objectToJSON(object) {
  if (typeof object.toJSON === 'function') return toJSON(object.toJSON());
  const json = mapValues(object, toJSON);
  return reviverOf(object) ? { $escape: json } : json;
}

/** @param {object} value */
function customToJSON(value) {
  const name = kindOf(value).slice('type '.length);
  const type = /** @type {CustomType} */ (types.get(name));
  return { $type: name, $value: toJSON(type.toValue(value)) };
}

/** @param {string} text */
export const parse = (text) => fromJSON(JSON.parse(text));

/** @param {unknown} value */
export const stringify = (value) => JSON.stringify(toJSON(value));

/** @param {any} a @param {any} b @returns {boolean} the same value, whatever the order of keys */
export function equals(a, b) {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  if (kind === 'date') return Object.is(a.getTime(), b.getTime());
  if (kind === 'regexp') return String(a) === String(b);
  if (kind.startsWith('type ')) return equals(customToJSON(a), customToJSON(b));
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length
    && keys.every((key) => Object.hasOwn(b, key) && equals(a[key], b[key]));
}

/** @param {string} wire a document id as messages carry it @returns {unknown} */
export function idFromWire(wire) {
  if (wire === '-') return undefined;
  if (wire.startsWith('-')) return wire.slice(1);
  if (wire.startsWith('~')) return JSON.parse(wire.slice(1));
  return /^[0-9a-f]{24}$/.test(wire) ? new ObjectID(wire) : wire;
}

/** @param {unknown} id @returns {string} */
export function idToWire(id) {
  if (id instanceof ObjectID) return id.hex;
  if (id === undefined) return '-';
  if (typeof id !== 'string') return `~${JSON.stringify(id)}`;
  return /^[-~{]|^[0-9a-f]{24}$/.test(id) ? `-${id}` : id;
}
