/** Error numbers (include/uapi/asm-generic/errno*.h, and the kernel-internal ENOTSUPP that bpf(2) lets through). */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EROFS: 30,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENOSYS: 38,
  ENODATA: 61,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETUNREACH: 101,
  ENOTSUPP: 524,
} as const;

const names = new Map(Object.entries(errno).map(([name, value]) => [value as number, name]));

/** `ENOENT` for 2 or -2; `errno 199` for a number that is not in the table. */
export const errnoName = (value: number): string => names.get(Math.abs(value)) ?? `errno ${Math.abs(value)}`;
