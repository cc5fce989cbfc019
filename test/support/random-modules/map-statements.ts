/**
 * Statements with maps and globals.
 *
 * Invariant: a place of a map is not used after an update or a deletion in that map, also not in the next round of a loop.
 */
import { type MapModel, type NumberType, Scope, type StructModel } from "./model.ts";
import { PlaceStatements, type Surrounding } from "./places.ts";

type NumberMap = MapModel & { readonly value: NumberType };

const isNumber = (value: MapModel["value"]): value is NumberType => "schema" in value;
const isNumberMap = (map: MapModel): map is NumberMap => isNumber(map.value);

export abstract class MapStatements extends PlaceStatements {
  /** The lines of an inner block. */
  protected abstract nested(count: number, around: Surrounding, more?: Partial<Surrounding>): string[];

  key(scope: Scope, { key, maxEntries }: MapModel): string {
    if (!key) return this.random.chance(0.2) ? `${this.number(scope, 1).text} & 15` : this.index(maxEntries, scope);
    if (key.kind === "number") return this.masked(scope, 7);
    if (key.kind === "big") return `${this.big(scope, 1).text} & 3n`;
    if (key.kind !== "struct") return this.forField(scope, key, 1);
    const fields = key.struct.fields.map(({ name, type }) => {
      if (type.kind === "number") return `${name}: ${this.masked(scope, 1)}`;
      return `${name}: ${type.kind === "big" ? `${this.big(scope, 1).text} & 1n` : this.forField(scope, type, 1)}`;
    });
    const record = `{ ${fields.join(", ")} }`;
    return key.struct.getters.length === 0 && this.random.chance(0.7) ? record : `new ${key.struct.name}(${record})`;
  }

  protected mapValue(scope: Scope, { value }: MapModel): string {
    return isNumber(value) ? this.forField(scope, value, 2) : this.instance(scope, value, 2);
  }

  protected lookup(around: Surrounding): string[] {
    const { scope, leave, depth } = around;
    const map = this.random.pick(this.module.maps);
    const name = this.name("m");
    const expression = `${map.name}.lookup(${this.key(scope, map)})`;
    if (isNumberMap(map)) return this.scalarLookup(around, map, name, expression);
    const struct = map.value as StructModel;
    const home = map.type === "PerCpuArray" ? "perCpu" : "shared";
    if (depth > 0 && this.random.chance(0.4)) {
      const inner = new Scope(scope);
      this.addPlace(inner, name, struct, home, map.name);
      const body = this.nested(this.random.between(1, 3), around, { scope: inner });
      return [`const ${name} = ${expression};`, `if (${name}) {`, ...body, "}"];
    }
    const lines = this.required(name, expression, scope, leave);
    this.addPlace(scope, name, struct, home, map.name);
    return lines;
  }

  protected scalarLookup({ scope, leave }: Surrounding, map: NumberMap, name: string, expression: string): string[] {
    const { min, max } = map.value;
    const value = this.name("n");
    const declare = (text: string): string => {
      scope.numbers.push({ text: value, min, max });
      return `const ${value}: number = ${text};`;
    };
    if (this.random.chance(0.5)) return [declare(`${expression}?.value ?? ${this.literal(max).text}`)];
    const cell = this.required(name, expression, scope, leave);
    const change = `${name}.value = ${this.fit(this.number(scope, 1), min, max).text};`;
    return [...cell, ...(this.random.chance(0.4) ? [change] : []), declare(`${name}.value`)];
  }

  /** Maps whose places may be forgotten here: none is used by an earlier statement of an enclosing loop. */
  protected changeable(scope: Scope): MapModel[] {
    return this.module.maps.filter(({ name, key }) => {
      const live = scope.livePlaces().filter(({ map }) => map === name);
      return key !== undefined && live.every(({ loopDepth }) => loopDepth === scope.loopDepth);
    });
  }

  protected forget(scope: Scope, map: MapModel): void {
    for (const place of scope.livePlaces()) if (place.map === map.name) place.dead = true;
  }

  protected change({ scope, leave }: Surrounding): string[] {
    const maps = this.changeable(scope);
    if (maps.length === 0) return this.storeField(scope);
    const map = this.random.pick(maps);
    const sizes = [map.value, map.key?.kind === "struct" ? map.key.struct : undefined];
    const needed = sizes.reduce((sum, one) => sum + (one && "size" in one ? one.size : 8), 0);
    if (!this.reserve(needed)) return this.storeField(scope);
    const key = this.key(scope, map);
    const name = this.name("t");
    if (!isNumber(map.value) && this.random.chance(0.4)) {
      const initial = this.instance(scope, map.value, 1);
      this.forget(scope, map);
      const place = this.name("m");
      const lines = this.required(place, `${map.name}.lookupOrInsert(${key}, ${initial})`, scope, leave);
      this.addPlace(scope, place, map.value, "shared", map.name);
      return lines;
    }
    const mode = this.random.pick(["", "", `, "create"`, `, "replace"`]);
    const call = this.random.chance(0.3) ? `delete(${key})` : `update(${key}, ${this.mapValue(scope, map)}${mode})`;
    this.forget(scope, map);
    scope.bools.push({ text: name, isMutable: false });
    return [`const ${name}: boolean = ${map.name}.${call};`];
  }

  protected atomic(around: Surrounding): string[] {
    const { scope } = around;
    const shared = scope.livePlaces().filter(({ home }) => home === "shared");
    const found = shared.flatMap(({ name, struct }) =>
      struct.fields.flatMap((field) =>
        "isAtomic" in field.type && field.type.isAtomic ? [{ name, field, type: field.type }] : [],
      ),
    );
    if (found.length === 0) return this.hasContext ? this.lookup(around) : this.storeField(scope);
    const { name, field, type } = this.random.pick(found);
    const value =
      type.kind === "number" ? this.fit(this.number(scope, 1), 0, 0x7fffffff).text : this.big(scope, 1).text;
    const operation = this.random.pick(["add", "add", "add", "or", "and", "xor", "fetchAdd", "exchange"]);
    if (operation !== "fetchAdd" && operation !== "exchange")
      return [`atomic.${operation}(${name}, "${field.name}", ${value});`];
    const result = this.name(type.kind === "number" ? "n" : "b");
    if (type.kind === "number") scope.numbers.push({ text: result, min: type.min, max: type.max });
    else if (type.signed) scope.signeds.push({ text: result, isMutable: false });
    else scope.bigs.push({ text: result, clean: true, isMutable: false });
    // tsc knows the result as number | bigint only.
    const [annotation, cast] = [type.kind === "number" ? "number" : "bigint", type.schema];
    return [`const ${result}: ${annotation} = ${cast}(atomic.${operation}(${name}, "${field.name}", ${value}));`];
  }

  protected writeGlobal(scope: Scope): string[] {
    const globals = this.module.globals.filter(({ isSetting }) => !isSetting);
    if (globals.length === 0) return this.constant(scope);
    const { name, type } = this.random.pick(globals);
    return [`${name}.value = ${this.forField(scope, type, 2)};`];
  }
}
