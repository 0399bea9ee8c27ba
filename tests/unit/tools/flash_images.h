#pragma once

#include <string>
#include <vector>

#include "tools/cubby/flash_report.h"
#include "unit/store/store_world.h"

/// Images of journals that the firmware itself has written, and what is done to them.
namespace cubby::tools {

using Image = std::vector<std::byte>;

inline Image image_of(emulator::NorFlashDevice& flash) {
  flash.power_on();
  Image image(flash.geometry().size());
  EXPECT_EQ(flash.read(0, image), Status::kOk);
  return image;
}

inline FlashReading reading_of(Image image, const FlashHints& hints = {}) {
  return read_flash(make_flash_image(std::move(image), hints));
}

/// Events, marks, a checkpoint, several sectors, two boots.
inline void live_a_while(store::StoreWorld& world) {
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 10; ++i) {
      (void)world.event_of(300);
      (void)world.internal("x");
    }
    (void)world.acknowledge(world.journal.next_seq() - 3);
    if (round == 1) {
      (void)world.checkpoint();
    }
    if (round == 2) {
      (void)world.reboot();
    }
  }
}

inline std::string all_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + '\n';
  }
  return text;
}

inline std::string notes_of(const FlashReading& reading) {
  std::string text;
  for (const FlashFinding& finding : reading.history.findings) {
    text += finding.harmless ? finding.words + '\n' : "";
  }
  return text;
}

inline std::size_t count_of(const FlashReading& reading, SectorStanding standing) {
  std::size_t count = 0;
  for (const FlashSector& sector : reading.history.sectors) {
    count += sector.standing == standing ? 1 : 0;
  }
  return count;
}

/// Address of the record of the history that is event `seq`.
inline std::size_t place_of(const FlashReading& reading, std::uint64_t seq) {
  for (const HistoryRecord& entry : reading.history.records) {
    if (entry.record.is_event() && entry.record.header.seq == seq) {
      return std::size_t{entry.sector} * reading.image.sector_size + entry.record.offset;
    }
  }
  ADD_FAILURE() << "no event " << seq;
  return 0;
}

}  // namespace cubby::tools
