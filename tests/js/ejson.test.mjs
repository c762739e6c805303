import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { EJSON } from '../../src/dddp/static/dddp/ddp.js';

const { ObjectID, equals, fromJSON, idFromWire, idToWire, parse, stringify, toJSON } = EJSON;

describe('EJSON values', () => {
  const pairs = [
    ['a date', new Date(1.5e12), { $date: 1.5e12 }],
    ['a date before 1970', new Date(-1), { $date: -1 }],
    ['NaN', NaN, { $InfNaN: 0 }],
    ['infinity', Infinity, { $InfNaN: 1 }],
    ['minus infinity', -Infinity, { $InfNaN: -1 }],
    ['binary', Uint8Array.of(0, 127, 128, 255), { $binary: 'AH+A/w==' }],
    ['empty binary', new Uint8Array(), { $binary: '' }],
    ['a regular expression', /a\/b/gi, { $regexp: 'a\\/b', $flags: 'gi' }],
    ['an ObjectID', new ObjectID('0123456789abcdef01234567'),
      { $type: 'oid', $value: '0123456789abcdef01234567' }],
    ['a plain value', { a: [1, 'x', null, true, { b: '' }] }, { a: [1, 'x', null, true, { b: '' }] }],
    ['an object that looks like a date', { $date: 1 }, { $escape: { $date: 1 } }],
    ['an object that looks like an escape', { $escape: { a: 1 } },
      { $escape: { $escape: { a: 1 } } }],
    ['a date in an escaped object', { $date: new Date(5) }, { $escape: { $date: { $date: 5 } } }],
    ['an unknown $ key', { $foo: 1 }, { $foo: 1 }],
    ['$date with another key', { $date: 1, b: 2 }, { $date: 1, b: 2 }],
    ['a key called __proto__', JSON.parse('{"__proto__": {"a": 1}}'),
      JSON.parse('{"__proto__": {"a": 1}}')],
  ];
  for (const [name, value, json] of pairs) {
    test(`${name}, both ways`, () => {
      assert.deepEqual(toJSON(value), json);
      assert.deepEqual(fromJSON(json), value);
      assert.deepEqual(parse(stringify(value)), value);
    });
  }

  test('values deep inside are found', () => {
    assert.deepEqual(parse('{"a":[{"b":{"$date":5}}]}'), { a: [{ b: new Date(5) }] });
  });

  test('an invalid date stays one', () => {
    assert.equal(stringify(new Date(NaN)), '{"$date":null}');
    assert.ok(Number.isNaN(parse('{"$date":null}').getTime()));
    assert.ok(Number.isNaN(parse('{"$date":"x"}').getTime()));
  });

  test('flags of a regular expression are cleaned', () => {
    assert.deepEqual(parse('{"$regexp":"a","$flags":"ggxi"}'), /a/gi);
  });

  test('undefined is dropped from objects', () => {
    assert.equal(stringify({ a: undefined, b: [undefined] }), '{"b":[null]}');
  });

  test('an object that knows its own JSON is asked', () => {
    assert.equal(stringify({ at: new URL('https://a.b/') }), '{"at":"https://a.b/"}');
  });
});

describe('custom types', () => {
  class Money {
    constructor(amount, at) {
      Object.assign(this, { amount, at });
    }
  }
  EJSON.addType('money', Money, ({ amount, at }) => [amount, at], ([a, at]) => new Money(a, at));

  test('travel both ways with values of other types inside', () => {
    const text = '{"$type":"money","$value":[3,{"$date":5}]}';
    assert.equal(stringify(new Money(3, new Date(5))), text);
    assert.deepEqual(parse(text), new Money(3, new Date(5)));
  });

  test('are compared by what they carry', () => {
    assert.ok(equals(new Money(3, new Date(5)), new Money(3, new Date(5))));
    assert.ok(!equals(new Money(3, new Date(5)), new Money(4, new Date(5))));
    assert.ok(!equals(new Money(3), { amount: 3 }));
  });

  test('may keep what they carry to themselves', () => {
    class Secret {
      #value;
      constructor(value) { this.#value = value; }
      static reveal(secret) { return secret.#value; }
    }
    EJSON.addType('secret', Secret, Secret.reveal, (value) => new Secret(value));
    assert.ok(!equals(new Secret(1), new Secret(2)));
    assert.ok(equals(new Secret(NaN), parse(stringify(new Secret(NaN)))));
  });

  test('have one meaning', () => {
    assert.throws(() => EJSON.addType('money', Money, String, String), /registered already/);
  });

  test('nobody registered stay as they came', () => {
    assert.deepEqual(parse('{"$type":"Decimal","$value":"1.5"}'), { $type: 'Decimal', $value: '1.5' });
  });
});

describe('equals', () => {
  const hex = 'abcdefabcdefabcdefabcdef';
  const same = [
    [NaN, NaN], [0, -0], ['', ''], [null, null],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }],
    [new Date(5), new Date(5)], [new Date(NaN), new Date(NaN)],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)], [/a/g, /a/g],
    [new ObjectID(hex), new ObjectID(hex.toUpperCase())],
  ];
  const different = [
    [1, '1'], [0, false], [null, undefined], [null, {}], [[], {}], [{ a: undefined }, { b: undefined }],
    [{ a: 1 }, { a: 1, b: 2 }], [[1, 2], [2, 1]], [new Date(5), new Date(6)], [new Date(5), {}],
    [Uint8Array.of(1), Uint8Array.of(2)], [Uint8Array.of(1), [1]], [/a/g, /a/i],
    [new ObjectID(hex), hex],
  ];
  for (const [a, b] of same) test(`${stringify([a, b])}`, () => assert.ok(equals(a, b)));
  for (const [a, b] of different) test(`not ${stringify([a, b])}`, () => assert.ok(!equals(a, b)));

  test('ObjectIDs know it themselves', () => {
    assert.ok(new ObjectID(hex).equals(new ObjectID(hex)));
    assert.ok(!new ObjectID(hex).equals(hex));
    assert.throws(() => new ObjectID('17'), /24 hex digits/);
  });
});

describe('document ids', () => {
  const hex = '0123456789abcdef01234567';
  const pairs = [
    ['abc', 'abc'], ['1', '1'], ['', ''], [undefined, '-'],
    ['-a', '--a'], ['~a', '-~a'], ['{a', '-{a'], [hex, `-${hex}`],
    [new ObjectID(hex), hex], [7, '~7'], [true, '~true'], [null, '~null'],
    [hex.toUpperCase(), hex.toUpperCase()],
  ];
  for (const [id, wire] of pairs) {
    test(`${stringify({ id })} is "${wire}"`, () => {
      assert.equal(idToWire(id), wire);
      assert.deepEqual(idFromWire(wire), id);
    });
  }
});
