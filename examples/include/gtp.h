/* SPDX-License-Identifier: MIT */
/* GTP-U (TS 29.281), the PDU Session Container (TS 38.415), and the arguments of a mobile SID (RFC 9433 section 6.1). */
#pragma once
#include "xdp.h"

#define GTP_PDU 255
#define GTP_ECHO_REQUEST 1
#define GTP_ECHO_RESPONSE 2
#define GTP_ERROR_INDICATION 26
#define GTP_END_MARKER 254
#define GTP_EXTENSION_PDU_SESSION 0x85

#define GTP_FLAG_PROTOCOL 0x10
#define GTP_FLAG_EXTENSION 0x04
#define GTP_FLAGS_OPTIONAL 0x07

struct gtp {
	__u8 flags, message;
	__be16 length;
	__be32 teid;
};

struct gtp_optional {
	__be16 sequence;
	__u8 npdu, next;
};

struct pdu_session {
	__u8 words, type, qfi, next;
};

#define QFI_REFLECTIVE 0x40
#define QFI_MASK 0x3f

/* Byte offsets inside addresses: the numbering plan that gtp4-decap.xdp.ts stages. */
#define SID_DESTINATION 6
#define SID_ARGUMENTS 10
#define SID_SESSION 11
#define SOURCE_ADDRESS 8
#define SOURCE_PORT 12

/* First byte of the arguments: QFI (6 bits), R, U. */
#define ARGUMENT_REFLECTIVE 0x02
