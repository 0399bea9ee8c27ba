// The same bytes with the least of instructions: what no emulator of the whole path could leave out. No state, no
// decisions, no queue: loops over frames, records, codes and batches of the sizes that a run had.
//
// cubby-engine-floor PARCELS EVENTS BUS_FRAMES FLASH_OPERATIONS FLASH_BYTES FRAMES_UP
// prints the processor seconds of each part as JSON; tests/bench/engine_floor takes the numbers from a run.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "emulator/world/trace_hash.h"
#include "firmware/base/chain.h"
#include "firmware/base/crc.h"
#include "firmware/base/hotp.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/framing/frame.h"

namespace {

using namespace cubby;

constexpr std::size_t kImageSize = 128 * 1024;
constexpr std::size_t kRecordHead = 32;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Counts {
  std::uint64_t parcels = 0;
  std::uint64_t events = 0;
  std::uint64_t bus_frames = 0;
  std::uint64_t flash_operations = 0;
  std::uint64_t flash_bytes = 0;
  std::uint64_t frames_up = 0;
};

// What every part leaves here is printed, so that no part can be left out by the compiler.
std::uint64_t witness = 0;

// A frame is made by one side and checked by the other, and both are in the trace.
double bus(const Counts& counts) {
  const double begin = cpu_seconds();
  emulator::TraceHash hash;
  for (std::uint64_t i = 0; i < counts.bus_frames; ++i) {
    std::array<std::byte, 8> frame{std::byte{1}, std::byte{2}, static_cast<std::byte>(i)};
    store_le<std::uint16_t>(MutableBytes(frame).last(2), crc16_modbus(Bytes(frame).first(6)));
    witness += crc16_modbus(Bytes(frame).first(6)) == load_le<std::uint16_t>(Bytes(frame).last(2)) ? 1 : 0;
    hash.add(emulator::TraceKind::kFrameSent, Instant{static_cast<std::int64_t>(i)}, frame);
  }
  witness += hash.value();
  return cpu_seconds() - begin;
}

std::size_t encode(std::uint64_t i, MutableBytes into) {
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.boot = 1;
  event.uptime_ms = 1'000'000 + i;
  event.has_wall_ms = true;
  event.wall_ms = 1'780'000'000'000 + i;
  event.which_body = cubby_v1_Event_deposited_tag;
  event.body.deposited.compartment = static_cast<std::uint8_t>(i % 78 + 1);
  event.body.deposited.counter = i;
  std::strcpy(event.body.deposited.parcel, "RB473124829CN");
  std::strcpy(event.body.deposited.carrier, "sf");
  event.body.deposited.size = cubby_v1_Size_SIZE_M;
  event.body.deposited.attempts = 1;
  event.body.deposited.open_ms = 18'000;
  return wire::encode_event(event, into).value();
}

// Encoded once, chained by the station and again by the centre.
double events(const Counts& counts) {
  const double begin = cpu_seconds();
  Chain chain = 1;
  std::array<std::byte, 256> bytes;
  for (std::uint64_t i = 1; i <= counts.events; ++i) {
    const Bytes payload = Bytes(bytes).first(encode(i, bytes));
    chain = chain_next(chain, i, payload);
    witness += chain_next(chain, i, payload);
  }
  witness += chain;
  return cpu_seconds() - begin;
}

// A record has a checksum, is programmed where the cells are blank, and is read back.
double flash(const Counts& counts) {
  const double begin = cpu_seconds();
  std::vector<std::byte> image(kImageSize, std::byte{0xFF});
  const std::size_t size = std::min<std::size_t>(256, counts.flash_bytes / counts.flash_operations);
  std::vector<std::byte> record(size, std::byte{0x5A});
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < counts.flash_operations; ++i) {
    if (at + size > image.size()) {
      std::fill(image.begin(), image.end(), std::byte{0xFF});
      at = 0;
    }
    store_le<std::uint64_t>(MutableBytes(record).first(8), i);
    store_le<std::uint32_t>(MutableBytes(record).subspan(8, 4), crc32c(record));
    std::memcpy(image.data() + at, record.data(), size);
    witness += std::memcmp(image.data() + at, record.data(), size) == 0 ? 1 : 0;
    at += size;
  }
  return cpu_seconds() - begin;
}

// Of each deposit once at the station and once by who tells the recipient.
double codes(const Counts& counts) {
  const double begin = cpu_seconds();
  StationKey key{};
  for (std::uint64_t i = 0; i < 2 * counts.parcels; ++i) {
    witness += hotp(key, i, 8);
  }
  return cpu_seconds() - begin;
}

// What is sent is read from flash with its checksum, framed, and copied once by the pipe and once by the shard.
double uplink(const Counts& counts) {
  const double begin = cpu_seconds();
  const std::size_t events_each = counts.events / std::max<std::uint64_t>(1, counts.frames_up) + 1;
  std::array<std::byte, 256> bytes;
  const std::size_t size = encode(1, bytes) + kRecordHead;
  std::vector<std::byte> frame(64 + events_each * size);
  std::vector<std::byte> out;
  for (std::uint64_t i = 0; i < counts.frames_up; ++i) {
    for (std::size_t event = 0; event < events_each; ++event) {
      witness += crc32c(Bytes(bytes).first(size));
      std::memcpy(frame.data() + 64 + event * size, bytes.data(), size);
    }
    std::array<std::byte, wire::kFrameHeaderMax> head;
    std::memcpy(frame.data(), head.data(), wire::encode_frame_header(1, frame.size(), head));
    out.assign(frame.begin(), frame.end());
    witness += static_cast<std::uint64_t>(out[i % out.size()]);
  }
  return cpu_seconds() - begin;
}

}  // namespace

int main(int argc, char** argv) {
  std::array<std::uint64_t, 6> numbers{};
  bool good = argc == 7;
  for (std::size_t i = 0; good && i < numbers.size(); ++i) {
    char* end = nullptr;
    numbers[i] = std::strtoull(argv[i + 1], &end, 10);
    good = *end == '\0' && numbers[i] > 0;
  }
  if (!good || numbers[4] / numbers[3] < 12) {
    std::fputs("usage: cubby-engine-floor PARCELS EVENTS BUS_FRAMES FLASH_OPERATIONS FLASH_BYTES FRAMES_UP\n", stderr);
    return 2;
  }
  const Counts counts{.parcels = numbers[0],
                      .events = numbers[1],
                      .bus_frames = numbers[2],
                      .flash_operations = numbers[3],
                      .flash_bytes = numbers[4],
                      .frames_up = numbers[5]};
  const double of_bus = bus(counts);
  const double of_events = events(counts);
  const double of_flash = flash(counts);
  const double of_codes = codes(counts);
  const double of_uplink = uplink(counts);
  std::printf("{\"bus\":%.6f,\"events\":%.6f,\"flash\":%.6f,\"codes\":%.6f,\"uplink\":%.6f,\"witness\":%llu}\n", of_bus,
              of_events, of_flash, of_codes, of_uplink, static_cast<unsigned long long>(witness));
  return 0;
}
