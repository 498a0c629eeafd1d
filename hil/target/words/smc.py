"""SMCs in words: names of functions, arguments and results, of our service and of Arm's standard services.

Identifiers and results are those of SMCCC (Arm DEN0028), PSCI (DEN0022), TRNG (DEN0098) and SDEI (DEN0054). Our
service's are read from its header.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.target.vtpm import abi
from hil.target.vtpm.abi import Status

_U64 = 1 << 64
_SMC64 = 1 << 30

_SERVICE = {
    "LIMITS": ("selector", ""),
    "CREATE": ("vm requirements slots index", "handle queue_pa queue_bytes"),
    "BIND": ("handle vmid stage2_base epoch ipa", ""),
    "INFO": ("handle selector", ""),
    "RESET": ("handle", ""),
    "DESTROY": ("handle", ""),
    "SAVE": ("handle", ""),
    "RESTORE": ("handle", ""),
    "FORWARD": ("handle", ""),
    "QUEUE_CHECK": ("va index", ""),
}
"""Arguments from x1, and results from x1, by the header's comments on each call."""
_SELECTORS = {
    ("LIMITS", abi.VTPM_LIMITS_INSTANCES): (
        "INSTANCES",
        "instances used pool_bytes pool_free largest_queue queue_pool queue_pool_bytes",
    ),
    ("LIMITS", abi.VTPM_LIMITS_MEMORY): (
        "MEMORY",
        "windows windows_used window_bytes image_bytes images engine_bytes pool",
    ),
    ("INFO", abi.VTPM_INFO_STATE): ("STATE", "state vm queue_pa queue_bytes commands requirements index"),
    ("INFO", abi.VTPM_INFO_TICKS): ("TICKS", "doorbell engine switching switches loads evictions"),
}
_STATES = {abi.VTPM_STATE_CREATED: "CREATED", abi.VTPM_STATE_BOUND: "BOUND", abi.VTPM_STATE_FAILED: "FAILED"}
_PROFILES = {abi.VTPM_PROFILE_DEFAULT: "DEFAULT", abi.VTPM_PROFILE_SHA256: "SHA256", abi.VTPM_PROFILE_SHA384: "SHA384"}

_STANDARD = {
    0x80000000: "SMCCC_VERSION",
    0x80000001: "SMCCC_ARCH_FEATURES",
    0x80000002: "SMCCC_ARCH_SOC_ID",
    0x80008000: "SMCCC_ARCH_WORKAROUND_1",
    0x80007FFF: "SMCCC_ARCH_WORKAROUND_2",
    0x80003FFF: "SMCCC_ARCH_WORKAROUND_3",
    0x8400FF01: "STD_CALL_UID",
    0x8400FF03: "STD_REVISION",
    0x84000000: "PSCI_VERSION",
    0x84000001: "PSCI_CPU_SUSPEND power_state entry context",
    0x84000002: "PSCI_CPU_OFF",
    0x84000003: "PSCI_CPU_ON target entry context",
    0x84000004: "PSCI_AFFINITY_INFO target level",
    0x84000005: "PSCI_MIGRATE target",
    0x84000006: "PSCI_MIGRATE_INFO_TYPE",
    0x84000007: "PSCI_MIGRATE_INFO_UP_CPU",
    0x84000008: "PSCI_SYSTEM_OFF",
    0x84000009: "PSCI_SYSTEM_RESET",
    0x8400000A: "PSCI_FEATURES function",
    0x8400000B: "PSCI_CPU_FREEZE",
    0x8400000C: "PSCI_CPU_DEFAULT_SUSPEND entry context",
    0x8400000D: "PSCI_NODE_HW_STATE target level",
    0x8400000E: "PSCI_SYSTEM_SUSPEND entry context",
    0x8400000F: "PSCI_SET_SUSPEND_MODE mode",
    0x84000010: "PSCI_STAT_RESIDENCY target power_state",
    0x84000011: "PSCI_STAT_COUNT target power_state",
    0x84000012: "PSCI_SYSTEM_RESET2 type cookie",
    0x84000013: "PSCI_MEM_PROTECT enable",
    0x84000014: "PSCI_MEM_PROTECT_CHECK_RANGE base length",
    0x84000020: "SDEI_VERSION",
    0x84000021: "SDEI_EVENT_REGISTER event entry argument flags affinity",
    0x84000022: "SDEI_EVENT_ENABLE event",
    0x84000023: "SDEI_EVENT_DISABLE event",
    0x84000024: "SDEI_EVENT_CONTEXT register",
    0x84000025: "SDEI_EVENT_COMPLETE status",
    0x84000027: "SDEI_EVENT_UNREGISTER event",
    0x84000028: "SDEI_EVENT_STATUS event",
    0x84000029: "SDEI_EVENT_GET_INFO event info",
    0x8400002B: "SDEI_PE_MASK",
    0x8400002C: "SDEI_PE_UNMASK",
    0x84000031: "SDEI_PRIVATE_RESET",
    0x84000032: "SDEI_SHARED_RESET",
    0x84000050: "TRNG_VERSION",
    0x84000051: "TRNG_FEATURES function",
    0x84000052: "TRNG_GET_UUID",
    0x84000053: "TRNG_RND bits",
}
"""Names, and those of the arguments, by the 32-bit function identifier."""
_PSCI_RESULTS = {
    0: "SUCCESS",
    -1: "NOT_SUPPORTED",
    -2: "INVALID_PARAMETERS",
    -3: "DENIED",
    -4: "ALREADY_ON",
    -5: "ON_PENDING",
    -6: "INTERNAL_FAILURE",
    -7: "NOT_PRESENT",
    -8: "DISABLED",
    -9: "INVALID_ADDRESS",
}
"""PSCI (DEN0022), section 5.2.2."""
_RESULTS = {"PSCI_": _PSCI_RESULTS, "": {-1: "NOT_SUPPORTED", -2: "INVALID_PARAMETERS", -3: "NO_ENTROPY"}}
_VERSIONS = ("SMCCC_VERSION", "PSCI_VERSION", "TRNG_VERSION", "SDEI_VERSION")


@dataclass(frozen=True, slots=True)
class Call:
    """A call in words, and its result. `ok` is false if the call was refused."""

    what: str
    answer: str
    ok: bool = True


def call_in_words(fid: int, arguments: tuple[int, ...], registers: tuple[int, ...]) -> Call:
    """Return an SMC in words. `registers` are x0 to x7 after it; without them there was no answer."""
    name = abi.call_name(fid)
    if name.partition(" ")[0] in {"DOORBELL", "VERSION", "CALL_COUNT", "CALL_UID", "REVISION", *_SERVICE}:
        return _service_call(name, arguments, registers)
    known = _STANDARD.get(fid & ~_SMC64, "") or f"SMC {fid:#x}"
    name, *named = known.split(" ") if fid & ~_SMC64 in _STANDARD else (known,)
    what = f"{name}({_arguments(named, arguments)})"
    if not registers:
        return Call(what, "")
    return Call(what, *_standard_result(name, registers))


def status_in_words(code: int) -> str:
    """Return the status of a service call, such as `BUSY (-22)`."""
    status = Status.from_code(_signed(code))
    return f"{status.name} ({int(status)})" if isinstance(status, Status) else f"{status}, not in the ABI"


def number(value: int) -> str:
    """Return a number as people write it: small ones in decimal, negative ones with their sign, others in hex."""
    signed = _signed(value)
    return str(signed) if -4096 < signed < 4096 else f"{value:#x}"


def _service_call(name: str, arguments: tuple[int, ...], registers: tuple[int, ...]) -> Call:
    named, results = _SERVICE.get(name, ("", ""))
    words = [number(value) for value in arguments]
    if (selector := _SELECTORS.get((name, arguments[-1] if arguments else -1))) is not None:
        words[-1], results = selector
    if name == "CREATE" and len(arguments) > 1:
        words[1] = _requirements(arguments[1])
    what = f"{name}({_arguments(named.split(), arguments, words)})"
    if not registers:
        return Call(what, "")
    if name == "VERSION":
        return Call(what, f"{registers[0] >> 16}.{registers[0] & 0xFFFF}, features {registers[1]:#x}")
    if name in {"CALL_COUNT", "CALL_UID", "REVISION"}:
        return Call(what, " ".join(f"{value:#x}" for value in registers[:4]))
    status = Status.from_code(_signed(registers[0]))
    if status is not Status.OK:
        meaning = f": {status.meaning}" if isinstance(status, Status) and status.meaning else ""
        return Call(what, status_in_words(registers[0]) + meaning, ok=False)
    values = [
        f"{result}={_STATES.get(value, value) if result == 'state' else number(value)}"
        for result, value in zip(results.split(), registers[1:8], strict=False)
    ]
    return Call(what, " ".join(["OK", *values]))


def _requirements(value: int) -> str:
    profile = _PROFILES.get(value & abi.VTPM_REQUIRE_PROFILE_MASK)
    if profile is None or value & ~abi.VTPM_REQUIRE_KNOWN:
        return f"{value:#x}"
    closed = "|PLATFORM_CLOSED" if value & abi.VTPM_REQUIRE_PLATFORM_CLOSED else ""
    return profile + ("|PERSISTENT" if value & abi.VTPM_REQUIRE_PERSISTENT else "") + closed


def _standard_result(name: str, registers: tuple[int, ...]) -> tuple[str, bool]:
    signed = _signed32(registers[0])
    results = next(words for prefix, words in _RESULTS.items() if name.startswith(prefix))
    if name in _VERSIONS and signed >= 0:
        return f"{registers[0] >> 16 & 0x7FFF}.{registers[0] & 0xFFFF}", True
    if signed < 0 or (results is _PSCI_RESULTS and signed == 0):
        word = results.get(signed)
        return (f"{word} ({signed})" if word else number(registers[0])), signed >= 0
    more = [f"x{index}={number(value)}" for index, value in enumerate(registers[1:4], 1) if value]
    return " ".join([number(registers[0]), *more]), True


def _arguments(names: list[str], arguments: tuple[int, ...], words: list[str] | None = None) -> str:
    words = words or [number(value) for value in arguments]
    titles = [names[index] if index < len(names) else f"x{index + 1}" for index in range(len(words))]
    return ", ".join(f"{title}={word}" for title, word in zip(titles, words, strict=True))


def _signed(value: int) -> int:
    return value - _U64 if value >> 63 & 1 else value


def _signed32(value: int) -> int:
    """Return w0 with its sign: results of standard services have 32 bits, which 64-bit calls extend."""
    signed = _signed(value)
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 and value >> 32 in {0, 0xFFFFFFFF} else signed
