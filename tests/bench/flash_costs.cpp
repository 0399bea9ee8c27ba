// What a parcel costs the flash, and what a boot does: operations and bytes, beside the floor. Nothing is timed; the
// seconds of a part are worked out from its data sheet's.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "firmware/store/journal.h"
#include "support/ram_flash.h"
#include "unit/core/station_world.h"

namespace {

using namespace cubby;
using tests::RamFlash;
using tests::StationWorld;

constexpr std::uint32_t kParcelsAReport =
    4;  // As many as come between two hourly reports of a station of the province.

// Of a W25Q-class part at 50 MHz on one data line (typical): JEDEC 4 KiB sector erase, 256 B page program.
constexpr double kEraseMs = 45;
constexpr double kProgramMs = 0.7;
constexpr double kReadBytesAMs = 50e6 / 8 / 1000;

enum Part : std::size_t {
  kEventPayload,
  kEventHead,
  kInternalPayload,
  kInternalHead,
  kMarks,
  kCheckpoints,
  kSectorHeaders,
  kPadding,
  kParts
};
constexpr std::array<const char*, kParts> kNames{"events: their own bytes",
                                                 "events: headers",
                                                 "intents and the like: their own bytes",
                                                 "intents and the like: headers",
                                                 "acknowledgement marks",
                                                 "checkpoints",
                                                 "sector headers",
                                                 "padding"};

/// Takes the bytes apart by what docs/spec/flash.md says of them, from what goes over the bus.
class Account final : public RamFlash::Observer {
 public:
  void on_read(std::size_t size) override {
    ++reads;
    bytes_read += size;
  }
  void on_erase() override { ++erases; }
  void on_program(Bytes data) override {
    ++programs;
    bytes_programmed += data.size();
    while (!data.empty()) {
      if (due_ == 0) {
        begin(data);
      }
      const std::size_t take = std::min(due_, data.size());
      due_ -= take;
      data = data.subspan(take);
    }
  }
  std::size_t booked() const { return std::accumulate(bytes.begin(), bytes.end(), std::size_t{0}); }

  std::uint64_t reads = 0, bytes_read = 0, programs = 0, bytes_programmed = 0, erases = 0;
  std::array<std::size_t, kParts> bytes{};

 private:
  // A record that goes over several pages begins in one program and ends in another.
  void begin(Bytes data) {
    namespace layout = store::layout;
    layout::RecordHeader header;
    if (data.size() == layout::kSectorHeaderSize && data[0] == std::byte{'C'}) {
      bytes[kSectorHeaders] += data.size();
      due_ = data.size();
      return;
    }
    if (!layout::decode(data, header)) {
      std::fprintf(stderr, "flash_costs: a program begins with neither a header nor a record\n");
      std::exit(1);
    }
    const std::size_t head = layout::header_size(header.record_class);
    const std::size_t size = head + header.payload_size;
    due_ = (size + 3) / 4 * 4;
    bytes[kPadding] += due_ - size;
    const auto kind = static_cast<layout::OwnKind>(header.kind);
    if (header.record_class == 1) {
      bytes[kEventHead] += head;
      bytes[kEventPayload] += header.payload_size;
    } else if (header.kind >= store::kFirstForeignKind) {
      bytes[kInternalHead] += head;
      bytes[kInternalPayload] += header.payload_size;
    } else {
      bytes[kind == layout::OwnKind::kAckMark ? kMarks : kCheckpoints] += size;
    }
  }
  std::size_t due_ = 0;
};

void line(const char* name, double value, double floor) {
  std::printf("  %-42s %8.1f  %5.2f\n", name, value, value / floor);
}

/// Deposits and collections at a station of 24 doors; false: something did not go as it should.
bool parcels(std::uint32_t count) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(24, cubby_v1_Size_SIZE_S), .skip_idle_polls = true});
  Account account;
  world.flash().watch(&account);
  std::vector<unsigned> inside;
  for (std::uint32_t i = 0; i < count; ++i) {
    const unsigned door = world.deposit('S', "PARCEL" + std::to_string(1000000 + i));
    if (door == 0) {
      std::fprintf(stderr, "flash_costs: parcel %u found no door\n", i);
      return false;
    }
    inside.push_back(door);
    if (inside.size() == 12) {  // Half of the doors are full.
      const unsigned oldest = inside.front();
      inside.erase(inside.begin());
      world.enter_code(world.code_of(oldest));
      world.advance_seconds(3);
      world.shut(oldest);
      world.advance_seconds(3);
    }
    if (i % kParcelsAReport == 0) {
      world.acknowledge_all();
      world.forget_history();
    }
  }
  const double parcels = count;
  if (account.booked() != account.bytes_programmed) {
    std::fprintf(stderr, "flash_costs: %zu bytes are booked, %llu were programmed\n", account.booked(),
                 static_cast<unsigned long long>(account.bytes_programmed));
    return false;
  }
  const double events = static_cast<double>(account.bytes[kEventPayload]);
  std::printf("a parcel, deposited and collected (%u parcels, a report for each %u)\n", count, kParcelsAReport);
  std::printf("  %-42s %8s  %s\n", "", "", "of the floor");
  for (std::size_t part = 0; part < kParts; ++part) {
    line(kNames[part], static_cast<double>(account.bytes[part]) / parcels, events / parcels);
  }
  line("bytes programmed", static_cast<double>(account.bytes_programmed) / parcels, events / parcels);
  const double records = events + static_cast<double>(account.bytes[kInternalPayload]);
  std::printf("  write amplification: %.2f of the events' own bytes, %.2f of all records' own bytes\n",
              static_cast<double>(account.bytes_programmed) / events,
              static_cast<double>(account.bytes_programmed) / records);
  std::printf("  operations: %.2f programs, %.4f erases; read back %.0f bytes\n",
              static_cast<double>(account.programs) / parcels, static_cast<double>(account.erases) / parcels,
              static_cast<double>(account.bytes_read) / parcels);
  std::printf("  a part's time: %.1f ms\n\n", static_cast<double>(account.programs) / parcels * kProgramMs +
                                                  static_cast<double>(account.erases) / parcels * kEraseMs +
                                                  static_cast<double>(account.bytes_read) / parcels / kReadBytesAMs);
  return true;
}

class Count final : public store::RecordVisitor {
 public:
  void on_checkpoint_begin() override {}
  void on_checkpoint_part(Bytes) override {}
  void on_records_lost(std::uint64_t) override {}
  void on_record(const store::Record&) override { ++records; }
  std::uint32_t records = 0;
};

/// The boot of a journal that took events until nothing fitted; false: it was not one.
bool boot(const hal::FlashGeometry& geometry, std::size_t event_size) {
  RamFlash flash(geometry);
  auto journal = std::make_unique<store::Journal>(flash);
  if (journal->format({}) != Status::kOk) {
    return false;
  }
  const std::vector<std::byte> event(event_size, std::byte{0x5A});
  while (journal->append_event(event) == Status::kOk) {
  }
  const std::uint64_t events = journal->next_seq() - 1;
  journal = std::make_unique<store::Journal>(flash);
  Account account;
  flash.watch(&account);
  Count count;
  store::MountReport report;
  if (journal->mount(count, report) != Status::kOk || count.records != events || report.damaged != 0) {
    std::fprintf(stderr, "flash_costs: the full journal does not boot\n");
    return false;
  }
  const double size = geometry.size();
  std::printf(
      "  %4u KiB in %3u sectors  %7llu events  %8llu reads  %6.2f of the image read  %llu erase  %3llu programs  "
      "%5.2f s of a part's time\n",
      geometry.size() / 1024, geometry.sector_count, static_cast<unsigned long long>(events),
      static_cast<unsigned long long>(account.reads), static_cast<double>(account.bytes_read) / size,
      static_cast<unsigned long long>(account.erases), static_cast<unsigned long long>(account.programs),
      (static_cast<double>(account.bytes_read) / kReadBytesAMs + static_cast<double>(account.erases) * kEraseMs +
       static_cast<double>(account.programs) * kProgramMs) /
          1000);
  return account.erases == 1;
}

}  // namespace

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 20'000;
  if (argc > 2 || count < 1 || count > 1'000'000) {
    std::fprintf(stderr, "usage: cubby-flash-costs [PARCELS]; 1 to 1000000, 20000 without it\n");
    return 2;
  }
  if (!parcels(static_cast<std::uint32_t>(count))) {
    return 1;
  }
  constexpr std::size_t kEventSize = 48;  // Of Deposited and Collected on the average.
  std::printf("boot of a full journal, events of %zu bytes and no checkpoint (floor: the image read once, one erase)\n",
              kEventSize);
  const bool good = boot({.sector_size = 4096, .sector_count = 32, .program_size = 1, .page_size = 256}, kEventSize) &&
                    boot({.sector_size = 4096, .sector_count = 256, .program_size = 1, .page_size = 256}, kEventSize) &&
                    boot({.sector_size = 65536, .sector_count = 16, .program_size = 1, .page_size = 256}, kEventSize);
  return good ? 0 : 1;
}
