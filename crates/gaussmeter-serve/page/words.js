/** Texts such as `dpmpp-2m:eta=0.5,solver=heun`: a member of a registry with its parameters. */

/** Name and parameters of a text. A comma that no known parameter follows belongs to the value before it. */
export function read(text, entry) {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const values = new Map();
  if (colon < 0) return { name, values };
  const known = new Set(entry ? entry.parameters.map((parameter) => parameter.name) : []);
  let last = null;
  for (const piece of text.slice(colon + 1).split(",")) {
    const equals = piece.indexOf("=");
    const key = equals < 0 ? null : piece.slice(0, equals).trim();
    if (key !== null && (known.has(key) || last === null)) {
      last = key;
      values.set(key, piece.slice(equals + 1));
    } else if (last !== null) values.set(last, `${values.get(last)},${piece}`);
    else {
      last = entry && entry.parameters.length ? entry.parameters[0].name : "";
      values.set(last, piece);
    }
  }
  return { name, values };
}

/** The text of a name and the parameters that differ from their defaults. */
export function written(name, values, entry) {
  const said = [...values].filter(([key, value]) => {
    const parameter = entry && entry.parameters.find((one) => one.name === key);
    return value !== "" && !(parameter && parameter.default === value);
  });
  return said.length === 0 ? name : `${name}:${said.map(([key, value]) => `${key}=${value}`).join(",")}`;
}

/** What parameters that have no default start with. */
const STARTERS = {
  spectrum: { d: "1024", alpha: "1.5", lowest: "1e-4", highest: "1", rank: "32" },
  grid: { grid: "karras" },
  network: { delta: "0.05", rho: "0.01", tau: "100", steps: "1000", w: "2", class: "", file: "" },
  init: {},
};

/** The registries of `gaussmeter list`. */
export class Registry {
  constructor(document) {
    this.families = new Map();
    for (const entry of document.entries) {
      if (!this.families.has(entry.family)) this.families.set(entry.family, []);
      this.families.get(entry.family).push(entry);
    }
  }

  all(family) {
    return this.families.get(family) || [];
  }

  /** Members that a browser can use: not those that are nothing without a file on the server's disk. */
  usable(family) {
    const needsFile = (entry) =>
      entry.parameters.some((parameter) => parameter.name === "file" && parameter.default === null);
    return this.all(family).filter((entry) => !needsFile(entry));
  }

  /** The member that a text names, by its name or an alias. */
  entry(family, text) {
    const name = text.split(":")[0];
    return this.all(family).find((entry) => entry.name === name || entry.aliases.includes(name));
  }

  /** The text of a member as it is first chosen, with values for what has no default. */
  starter(family, name) {
    const entry = this.entry(family, name);
    const values = new Map();
    for (const parameter of entry ? entry.parameters : []) {
      if (parameter.default !== null) continue;
      values.set(parameter.name, (STARTERS[family] || {})[parameter.name] ?? "");
    }
    return written(name, values, entry);
  }
}
