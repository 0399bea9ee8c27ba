// Images of a journal, as a history left them and then damaged in any way, mounted twice. S5: nothing is handed over
// that was not appended, nothing is missing in the middle without a word, what one boot accepts the next one has, and a
// boot takes a number of steps that the size of the flash bounds.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "emulator/hardware/nor_flash_device.h"
#include "firmware/store/journal.h"
#include "fuzz/targets.h"

namespace cubby::fuzz {
namespace {

using store::Journal;

constexpr std::uint32_t kSectorSize = 4096;
constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kPayloadMax = 600;
/// A mount reads every sector some times, and searches the bits of a header; nothing in it grows faster than the flash.
constexpr std::uint64_t kReadsPerByte = 40;

hal::FlashGeometry geometry_from(Input& input) {
  const auto choice = input.byte();
  constexpr std::array<std::uint32_t, 4> kUnits{1, 4, 16, 256};
  return {.sector_size = kSectorSize,
          .sector_count = 8 + choice / 4 % 6,
          .program_size = kUnits[choice % kUnits.size()],
          .page_size = 256};
}

/// Counts what a boot does.
class CountedFlash final : public hal::NorFlash {
 public:
  explicit CountedFlash(emulator::NorFlashDevice& flash) : flash_(flash) {}
  std::uint64_t bytes_read = 0;
  std::uint64_t erases = 0;
  std::uint64_t programs = 0;

 private:
  const hal::FlashGeometry& do_geometry() const override { return flash_.geometry(); }
  Status do_read(std::uint32_t address, MutableBytes into) override {
    bytes_read += into.size() + 1;
    return flash_.read(address, into);
  }
  Status do_program(std::uint32_t address, Bytes data) override {
    ++programs;
    return flash_.program(address, data);
  }
  Status do_erase(std::uint32_t sector) override {
    ++erases;
    return flash_.erase(sector);
  }
  emulator::NorFlashDevice& flash_;
};

using Payload = std::vector<std::byte>;

/// What a mount hands over: the checkpoint that it begins with, which says how many events were before it, and the
/// events after that in their order.
class Events final : public store::RecordVisitor {
 public:
  void on_records_lost(std::uint64_t) override {}
  void on_checkpoint_begin() override {
    begin = 1;
    list.clear();
  }
  void on_checkpoint_part(Bytes part) override {
    require(part.size() == sizeof(begin), "a checkpoint is handed over as it was written");
    begin = load_le<std::uint64_t>(part);
  }
  void on_record(const store::Record& record) override {
    if (record.record_class == store::RecordClass::kEvent) {
      list.emplace_back(record.seq, Payload(record.payload.begin(), record.payload.end()));
    }
  }
  /// Of those from that number on.
  std::vector<std::pair<std::uint64_t, Payload>> from(std::uint64_t seq) const {
    std::vector<std::pair<std::uint64_t, Payload>> rest;
    std::copy_if(list.begin(), list.end(), std::back_inserter(rest),
                 [&](const auto& event) { return event.first >= seq; });
    return rest;
  }
  std::uint64_t begin = 1;
  std::vector<std::pair<std::uint64_t, Payload>> list;
};

class State final : public store::CheckpointSource {
 public:
  explicit State(std::uint64_t next_seq) : next_seq_(next_seq) {}
  std::size_t checkpoint_part(std::size_t index, MutableBytes into) override {
    if (index != 0) {
      return 0;
    }
    store_le(into, next_seq_);
    return sizeof(next_seq_);
  }

 private:
  std::uint64_t next_seq_;
};

/// All events that were ever appended, by number. A number may have been given twice: a boot may leave out the last.
using Truth = std::multimap<std::uint64_t, Payload>;

void live(Input& input, emulator::NorFlashDevice& flash, Truth& truth) {
  auto journal = std::make_unique<Journal>(flash);
  require(journal->format({}) == Status::kOk, "a blank flash can be formatted");
  const std::size_t steps = input.byte() % kStepsMax;
  for (std::size_t step = 0; step < steps; ++step) {
    const auto what = input.byte();
    const Payload payload(1 + what * std::size_t{7} % kPayloadMax, static_cast<std::byte>(step));
    switch (what % 8) {
      case 0: {
        journal = std::make_unique<Journal>(flash);
        Events events;
        store::MountReport report;
        require(journal->mount(events, report) == Status::kOk, "a sound image can be mounted");
        break;
      }
      case 1: {
        State state(journal->next_seq());
        (void)journal->write_checkpoint(state);
        break;
      }
      case 2: {
        const auto seq = journal->next_seq() - 1;
        (void)journal->acknowledge(
            {.seq = seq, .chain = journal->chain_at(seq).value_or(0), .store_uid = {}, .generation = 1});
        break;
      }
      case 3:
        (void)journal->append_internal(store::kFirstForeignKind, payload);
        break;
      default: {
        const auto seq = journal->next_seq();
        if (journal->append_event(payload) == Status::kOk) {
          truth.emplace(seq, payload);
        }
      }
    }
  }
}

void damage(Input& input, emulator::NorFlashDevice& flash) {
  const auto size = flash.geometry().size();
  const auto somewhere = [&] { return (input.byte() << 16 | input.byte() << 8 | input.byte()) % size; };
  while (!input.empty()) {
    const auto what = input.byte();
    const std::uint32_t at = somewhere();
    std::vector<std::byte> bytes(1);
    require(flash.read(at, bytes) == Status::kOk, "an emulated flash answers");
    switch (what % 6) {
      case 0:
        bytes[0] ^= static_cast<std::byte>(1U << (what / 8 % 8));
        break;
      case 1:
        bytes[0] = static_cast<std::byte>(input.byte());
        break;
      case 2:
        bytes.assign(std::min<std::size_t>(input.byte() + 1, kSectorSize - at % kSectorSize), std::byte{0xFF});
        break;
      case 3:
        bytes.assign(std::min<std::size_t>(input.byte() + 1, kSectorSize - at % kSectorSize), std::byte{0x00});
        break;
      case 4: {  // What an earlier use left, or a sector that an erase missed.
        const std::uint32_t from = somewhere() / kSectorSize * kSectorSize;
        bytes.resize(kSectorSize);
        require(flash.read(from, bytes) == Status::kOk, "an emulated flash answers");
        flash.damage(at / kSectorSize * kSectorSize, bytes);
        continue;
      }
      default:
        bytes.resize(std::min<std::size_t>(64, kSectorSize - at % kSectorSize));
        for (auto& value : bytes) {
          value = static_cast<std::byte>(input.byte());
        }
    }
    flash.damage(at, bytes);
  }
}

void require_true(const Events& events, const store::MountReport& report, const Truth& truth) {
  std::uint64_t next = 0;
  for (const auto& [seq, payload] : events.list) {
    const auto [first, last] = truth.equal_range(seq);
    require(std::any_of(first, last, [&, &wanted = payload](const auto& known) { return known.second == wanted; }),
            "an event that is handed over was appended with that number");
    require(next == 0 || seq == next || (seq > next && report.events_lost_from != 0),
            "events are in order, and what is missing between them is reported");
    next = seq + 1;
  }
}

}  // namespace

void journal_image(Bytes bytes) {
  Input input(bytes);
  emulator::NorFlashDevice flash(geometry_from(input));
  Truth truth;
  live(input, flash, truth);
  damage(input, flash);

  CountedFlash counted(flash);
  auto journal = std::make_unique<Journal>(counted);
  Events first;
  store::MountReport report;
  const Status status = journal->mount(first, report);
  require(counted.bytes_read <= kReadsPerByte * flash.geometry().size(), "a boot's steps are bounded");
  require(counted.erases <= 1, "a boot erases one sector at most");
  if (status != Status::kOk) {
    require(status != Status::kIo, "nothing failed");
    require(journal->format({}) == Status::kOk, "whatever is there can be formatted");
    return;
  }
  require_true(first, report, truth);
  const auto seq = journal->next_seq();
  const Payload payload(9, std::byte{0xA5});
  const bool appended = journal->append_event(payload) == Status::kOk;

  journal = std::make_unique<Journal>(counted);
  Events second;
  require(journal->mount(second, report) == Status::kOk, "what one boot took the next one takes");
  if (appended) {
    first.list.emplace_back(seq, payload);
  }
  // An older checkpoint, with all that came after it, says the same as the newest.
  const auto common = std::max(first.begin, second.begin);
  require(second.from(common) == first.from(common), "what one boot had the next one has, and nothing that it had not");
}

}  // namespace cubby::fuzz
