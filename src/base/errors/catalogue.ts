/** Every error that a user can meet, one row per code. A layer's rows stand in the file of its name. */
import { btfErrors } from "./btf.ts";
import { cliErrors } from "./cli.ts";
import { compilerErrors } from "./compiler.ts";
import { internalErrors } from "./internal.ts";
import { isaErrors } from "./isa.ts";
import { kernelErrors } from "./kernel.ts";
import { langErrors } from "./lang.ts";
import { objectErrors } from "./object.ts";
import { packetErrors } from "./packet.ts";
import { schemaErrors } from "./schema.ts";
import { stageErrors } from "./stage.ts";
import { valueErrors } from "./value.ts";
import { vmErrors } from "./vm.ts";

export type { ErrorEntry } from "./entry.ts";

export const catalogue = {
  ...internalErrors,
  ...schemaErrors,
  ...packetErrors,
  ...langErrors,
  ...isaErrors,
  ...btfErrors,
  ...objectErrors,
  ...valueErrors,
  ...stageErrors,
  ...compilerErrors,
  ...vmErrors,
  ...kernelErrors,
  ...cliErrors,
} as const;

export type Catalogue = typeof catalogue;
/** Every code that xdpkit's own errors have. Data planes have codes of their own. */
export type ErrorCode = keyof Catalogue;
