/**
 * Types of the running kernel that compiled code names: functions that it calls, fields that it reads. The kernel's own BTF
 * decides when the object is loaded: functions are compared parameter by parameter, fields are found by name (CO-RE).
 *
 * Invariant: fields stand at different offsets here, so that code which knows nothing of CO-RE tells them apart.
 */
import type { TypeId } from "../btf/index.ts";
import type { BtfBuilder } from "./btf-types.ts";

/** A field of a struct of the kernel; `offset` is where this object's BTF has it. */
export interface KernelField {
  readonly struct: "nf_conn";
  readonly member: number;
  /** Bytes. */
  readonly offset: number;
}

/** `struct nf_conn` (include/net/netfilter/nf_conntrack.h), as far as programs read it. */
export const CONNECTION = {
  status: { struct: "nf_conn", member: 0, offset: 0 },
  mark: { struct: "nf_conn", member: 1, offset: 8 },
} as const satisfies Readonly<Record<string, KernelField>>;

const STRUCTS: Readonly<Record<KernelField["struct"], (btf: BtfBuilder) => TypeId>> = {
  nf_conn: (btf) =>
    btf.struct(
      "nf_conn",
      [
        ["status", btf.int("unsigned long", 8), CONNECTION.status.offset],
        ["mark", btf.unsigned(4), CONNECTION.mark.offset],
      ],
      16,
    ),
};

export const structOf = (btf: BtfBuilder, { struct }: KernelField): TypeId => STRUCTS[struct](btf);

/** Bytes of `struct bpf_sock_tuple` with its addresses, the longer ones. */
const TUPLE = 36;
/** `struct bpf_ct_opts`: 12 bytes until Linux 6.11, and still taken. */
export const CONNTRACK_OPTIONS = 12;

/** `struct nf_conn *name(struct xdp_md *, struct bpf_sock_tuple *, u32, struct bpf_ct_opts *, u32)`. */
function ofTuple(btf: BtfBuilder, name: string, returns: TypeId): TypeId {
  const tuple = btf.struct("bpf_sock_tuple", [["words", btf.array(btf.unsigned(4), TUPLE / 4), 0]], TUPLE);
  const options = btf.struct(
    "bpf_ct_opts",
    [
      ["netns_id", btf.int("int", 4, true), 0],
      ["error", btf.int("int", 4, true), 4],
      ["l4proto", btf.unsigned(1), 8],
      ["dir", btf.unsigned(1), 9],
      ["reserved", btf.array(btf.unsigned(1), 2), 10],
    ],
    CONNTRACK_OPTIONS,
  );
  return btf.kernelFunction(name, returns, [
    ["xdp_ctx", btf.pointer(btf.context())],
    ["bpf_tuple", btf.pointer(tuple)],
    ["tuple__sz", btf.unsigned(4)],
    ["opts", btf.pointer(options)],
    ["opts__sz", btf.unsigned(4)],
  ]);
}

const connection = (btf: BtfBuilder): TypeId => btf.pointer(STRUCTS.nf_conn(btf));
/** One that is not in the table. */
const newConnection = (btf: BtfBuilder): TypeId =>
  btf.pointer(btf.struct("nf_conn___init", [["ct", STRUCTS.nf_conn(btf), 0]], 16));

/** `int name(struct nf_conn *, u32)`. */
const setting =
  (name: string, of: (btf: BtfBuilder) => TypeId, isVoid = false) =>
  (btf: BtfBuilder): TypeId =>
    btf.kernelFunction(name, isVoid ? 0 : btf.int("int", 4, true), [
      ["nfct", of(btf)],
      ["value", btf.unsigned(4)],
    ]);

function natInfo(btf: BtfBuilder): TypeId {
  const address = btf.union("nf_inet_addr", [["all", btf.array(btf.unsigned(4), 4)]], 16);
  const int = btf.int("int", 4, true);
  const manipulation = btf.enumeration("nf_nat_manip_type", ["NF_NAT_MANIP_SRC", "NF_NAT_MANIP_DST"]);
  return btf.kernelFunction("bpf_ct_set_nat_info", int, [
    ["nfct", newConnection(btf)],
    ["addr", btf.pointer(address)],
    ["port", int],
    ["manip", manipulation],
  ]);
}

/** Functions of net/netfilter/nf_conntrack_bpf.c and nf_nat_bpf.c. */
export const CONNTRACK_FUNCTIONS: readonly (readonly [name: string, type: (btf: BtfBuilder) => TypeId])[] = [
  ["bpf_xdp_ct_lookup", (btf) => ofTuple(btf, "bpf_xdp_ct_lookup", connection(btf))],
  ["bpf_xdp_ct_alloc", (btf) => ofTuple(btf, "bpf_xdp_ct_alloc", newConnection(btf))],
  [
    "bpf_ct_insert_entry",
    (btf) => btf.kernelFunction("bpf_ct_insert_entry", connection(btf), [["nfct_i", newConnection(btf)]]),
  ],
  ["bpf_ct_release", (btf) => btf.kernelFunction("bpf_ct_release", 0, [["nfct", connection(btf)]])],
  ["bpf_ct_set_timeout", setting("bpf_ct_set_timeout", newConnection, true)],
  ["bpf_ct_change_timeout", setting("bpf_ct_change_timeout", connection)],
  ["bpf_ct_set_status", setting("bpf_ct_set_status", newConnection)],
  ["bpf_ct_change_status", setting("bpf_ct_change_status", connection)],
  ["bpf_ct_set_nat_info", natInfo],
];
