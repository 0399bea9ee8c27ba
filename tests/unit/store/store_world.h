#pragma once

#include <string>
#include <vector>

#include "emulator/hardware/nor_flash_device.h"
#include "firmware/store/journal.h"

/// A journal on emulated flash, and what the tests say about it in one line.
namespace cubby::store {

inline constexpr hal::FlashGeometry kSmall{
    .sector_size = 4096, .sector_count = 10, .program_size = 1, .page_size = 256};

inline JournalUid uid_of(std::uint8_t last) {
  JournalUid uid{};
  uid.back() = std::byte{last};
  return uid;
}

inline std::vector<std::byte> bytes_of(std::size_t size, std::uint64_t seed) {
  std::vector<std::byte> bytes(size);
  Prng random(seed);
  for (std::byte& value : bytes) {
    value = static_cast<std::byte>(random.next());
  }
  return bytes;
}

/// Changes one bit, as rot does.
inline void flip(emulator::NorFlashDevice& flash, std::uint32_t address, unsigned bit) {
  std::array<std::byte, 1> cell;
  CUBBY_ASSERT(flash.read(address, cell) == Status::kOk);
  cell[0] ^= static_cast<std::byte>(1U << bit);
  flash.damage(address, cell);
}

/// Keeps all that a mount hands over, as text.
class Listing final : public RecordVisitor {
 public:
  void on_records_lost(std::uint64_t count) override { lost += count; }
  void on_checkpoint_begin() override { lines.emplace_back("checkpoint"); }
  void on_checkpoint_part(Bytes part) override { lines.push_back("part " + text(part)); }
  void on_record(const Record& record) override {
    lines.push_back((record.record_class == RecordClass::kEvent ? "event " + std::to_string(record.seq)
                                                                : "internal " + std::to_string(record.kind)) +
                    " " + text(record.payload));
  }
  std::vector<std::string> lines;
  std::uint64_t lost = 0;  // Records that are said to be missing among them.

 private:
  static std::string text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// A checkpoint of given texts.
class Texts final : public CheckpointSource {
 public:
  explicit Texts(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  std::size_t checkpoint_part(std::size_t index, MutableBytes into) override {
    if (index >= parts_.size()) {
      return 0;
    }
    const Bytes part = as_bytes(parts_[index]);
    std::copy(part.begin(), part.end(), into.begin());
    return part.size();
  }

 private:
  std::vector<std::string> parts_;
};

struct StoreWorld {
  explicit StoreWorld(const hal::FlashGeometry& geometry = kSmall) : flash(geometry) {
    CUBBY_ASSERT(journal.format(uid_of(1)) == Status::kOk);
  }
  Status event(std::string_view text) { return journal.append_event(as_bytes(text)); }
  Status internal(std::string_view text) { return journal.append_internal(kFirstForeignKind, as_bytes(text)); }
  Status event_of(std::size_t size) { return journal.append_event(bytes_of(size, journal.next_seq())); }
  Status acknowledge(std::uint64_t seq) {
    const auto chain = journal.chain_at(seq);
    return journal.acknowledge({.seq = seq, .chain = chain.value_or(0), .store_uid = {}, .generation = 1});
  }
  Status checkpoint() {
    Texts texts({"state"});
    return journal.write_checkpoint(texts);
  }
  /// The power is gone and back.
  Status reboot() {
    journal.~Journal();
    new (&journal) Journal(flash);
    listing = {};
    return journal.mount(listing, report);
  }
  /// Events of 500 bytes until nothing fits; their number.
  std::uint64_t fill() {
    std::uint64_t count = 0;
    while (event_of(500) == Status::kOk) {
      ++count;
    }
    return count;
  }

  emulator::NorFlashDevice flash;
  Journal journal{flash};
  Listing listing;
  MountReport report;
};

}  // namespace cubby::store
