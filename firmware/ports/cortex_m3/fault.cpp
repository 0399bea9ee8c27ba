#include "firmware/ports/cortex_m3/fault.h"

#include <cstddef>
#include <cstring>
#include <string_view>

#include "firmware/base/assert.h"
#include "firmware/ports/cortex_m3/memory_map.h"
#include "firmware/ports/cortex_m3/registers.h"
#include "firmware/ports/cortex_m3/uart.h"

namespace cubby::cortex_m3 {
namespace {

constexpr std::uint32_t kMagic = 0x4355'4259;
constexpr std::uint32_t kResetRequest = 0x05FA'0004;
// What the core has pushed at an exception, in words.
constexpr std::size_t kPushedLr = 5;
constexpr std::size_t kPushedPc = 6;
constexpr std::size_t kPushedWords = 8;

FaultRecord& kept() {
  static_assert(sizeof(FaultRecord) <= kKeptSize);
  return *reinterpret_cast<FaultRecord*>(cubby_kept);
}

std::uint32_t sum_of(const FaultRecord& record) {
  const auto* words = reinterpret_cast<const std::uint32_t*>(&record);
  std::uint32_t sum = 0x5A5A'5A5A;
  for (std::size_t i = 0; i < offsetof(FaultRecord, sum) / sizeof(std::uint32_t); ++i) {
    sum = (sum << 5 | sum >> 27) ^ words[i];
  }
  return sum;
}

bool holds(const FaultRecord& record) {
  return record.magic == kMagic && record.sum == sum_of(record);
}

bool in_ram(const std::uint32_t* words) {
  return words >= cubby_stack_begin && words + kPushedWords <= cubby_ram_end;
}

void keep(FaultRecord record) {
  record.magic = kMagic;
  record.in_a_row = kept().magic == kMagic ? kept().in_a_row + 1 : 1;
  record.sum = sum_of(record);
  kept() = record;
}

FaultRecord stopped_at(FaultKind kind, const std::uint32_t* pushed) {
  FaultRecord record{};
  record.kind = kind;
  if (in_ram(pushed)) {
    record.pc = pushed[kPushedPc];
    record.lr = pushed[kPushedLr];
  }
  return record;
}

const char* name_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kCore:
      return "core fault";
    case FaultKind::kAssertion:
      return "assertion";
    case FaultKind::kWatchdog:
      return "watchdog";
  }
  return "unknown";
}

}  // namespace

std::optional<FaultRecord> take_fault() {
  if (!holds(kept())) {
    kept() = {};
    return std::nullopt;
  }
  const FaultRecord record = kept();
  kept().sum = ~kept().sum;  // Told; its count goes on until note_lasted().
  return record;
}

void note_lasted() {
  kept() = {};
}

void tell(const FaultRecord& record) {
  console("last boot ended by: ");
  console(name_of(record.kind));
  console_hex(", pc ", record.pc);
  console_hex(", lr ", record.lr);
  if (record.kind == FaultKind::kCore) {
    console_hex(", status ", record.status);
    console_hex(", address ", record.address);
  }
  if (record.kind == FaultKind::kAssertion) {
    console(", ");
    console(record.file.data());
    console(":", record.line);
  }
  console(", in a row: ", record.in_a_row);
  console("\n");
}

void reset() {
  asm volatile("dsb" ::: "memory");
  system_control().reset_control = kResetRequest;
  asm volatile("dsb" ::: "memory");
  for (;;) {
  }
}

void fail(FaultRecord record) {
  asm volatile("cpsid i" ::: "memory");
  keep(record);
  reset();
}

// Both are called by assembly in startup.cpp. `pushed` is where the stack was.
extern "C" [[noreturn]] void cubby_core_fault(const std::uint32_t* pushed) {
  FaultRecord record = stopped_at(FaultKind::kCore, pushed);
  record.status = system_control().fault_status;
  record.address =
      (record.status & 0x80) != 0 ? system_control().memory_fault_address : system_control().bus_fault_address;
  fail(record);
}

extern "C" void cubby_watchdog_expired(const std::uint32_t* pushed) {
  fail(stopped_at(FaultKind::kWatchdog, pushed));
}

}  // namespace cubby::cortex_m3

namespace cubby {

void assertion_failed(const char*, const char* file, int line) {
  cortex_m3::FaultRecord record{};
  record.kind = cortex_m3::FaultKind::kAssertion;
  record.pc = reinterpret_cast<std::uint32_t>(__builtin_return_address(0));
  record.line = static_cast<std::uint32_t>(line);
  const std::string_view name(file);
  const std::size_t size = name.size() < record.file.size() ? name.size() : record.file.size() - 1;
  std::memcpy(record.file.data(), name.data() + name.size() - size, size);
  cortex_m3::fail(record);
}

}  // namespace cubby
