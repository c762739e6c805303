/** Named events; a listener that throws is reported and disturbs nobody else. */
export class Emitter {
  /** @type {Map<string, Set<{listener: (...args: any[]) => void}>>} */
  #listeners = new Map();

  /**
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   * @returns {() => void} stops listening
   */
  on(event, listener) {
    const entry = { listener };
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(entry));
    return () => void listeners.delete(entry);
  }

  /** @param {string} event @param {any[]} args @returns {boolean} whether anybody listens */
  emit(event, ...args) {
    const listeners = [...this.#listeners.get(event) ?? []];
    for (const { listener } of listeners) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
    return listeners.length > 0;
  }
}
