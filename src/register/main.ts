/** `node --import xdpkit/register app.ts` */
import { registerLoader } from "./import-module.ts";

registerLoader();
