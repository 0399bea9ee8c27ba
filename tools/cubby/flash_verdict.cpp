// What an image breaks of docs/spec/flash.md, by this reader and by the firmware's own mount.
#include <memory>
#include <vector>

#include "firmware/hal/memory_flash.h"
#include "tools/cubby/flash_history.h"

namespace cubby::tools {
namespace {

using store::layout::OwnKind;

/// A mount is asked for its verdict only.
class Nobody final : public store::RecordVisitor {
 public:
  void on_records_lost(std::uint64_t) override {}
  void on_checkpoint_begin() override {}
  void on_checkpoint_part(Bytes) override {}
  void on_record(const store::Record&) override {}
};

void judge_shape(const FlashImage& image, std::vector<std::string>& faults) {
  if (image.left_over() != 0) {
    faults.push_back("the image has " + std::to_string(image.bytes.size()) +
                     " bytes: " + std::to_string(image.left_over()) + " more than " +
                     std::to_string(image.sector_count()) + " sectors of " + std::to_string(image.sector_size) +
                     "; it was truncated, or the sectors are others");
  }
  if (!image.mountable()) {
    faults.push_back("the image has " + std::to_string(image.sector_count()) + " sectors of " +
                     std::to_string(image.sector_size) + " bytes; a journal has " + std::to_string(kSectorsMin) +
                     " to " + std::to_string(limits::kSectorsMax));
  }
}

/// Empty, or what is wrong with a record that verifies.
std::string judge(const FlashImage& image, const FlashRecord& record) {
  const std::size_t size = record.payload.size();
  if (record.is_event()) {
    return size == 0 || size > limits::kEventBytesMax ? "an event of " + std::to_string(size) + " bytes" : "";
  }
  if (size > limits::kInternalBytesMax) {
    return "an internal record of " + std::to_string(size) + " bytes";
  }
  if (record.header.kind < store::kFirstForeignKind &&
      (record.header.kind < static_cast<std::uint8_t>(OwnKind::kCopyDone) ||
       record.header.kind > static_cast<std::uint8_t>(OwnKind::kSettled))) {
    return "kind " + std::to_string(record.header.kind) + " is none of the journal's own";
  }
  if (record.is(OwnKind::kCheckpointBegin) &&
      (size != 8 || load_le<std::uint64_t>(record.payload) != record.header.order)) {
    return "a checkpoint's begin that does not hold its own order";
  }
  if ((record.is(OwnKind::kCheckpointEnd) || record.is(OwnKind::kAckMark)) && size != 40) {
    return "an acknowledgement mark of " + std::to_string(size) + " bytes";
  }
  if (record.is(OwnKind::kRetired) && size != (image.sector_count() + 7) / 8) {
    return "a list of worn sectors of " + std::to_string(size) + " bytes";
  }
  if (record.is(OwnKind::kSettled) && size != 4) {
    return "the number of a boot of " + std::to_string(size) + " bytes";
  }
  return {};
}

void judge_records(const FlashImage& image, const FlashHistory& history, std::vector<std::string>& faults) {
  for (const HistoryRecord& entry : history.records) {
    if (const std::string wrong = judge(image, entry.record); !wrong.empty()) {
      faults.push_back("sector " + std::to_string(entry.sector) + ", " +
                       address_text(std::size_t{entry.sector} * image.sector_size + entry.record.offset) + ": " +
                       wrong);
    }
    if (history.ack.has_value() && entry.record.is_event() && entry.record.header.seq == history.ack->seq &&
        entry.record.header.chain != history.ack->chain) {
      faults.push_back("the acknowledgement mark has another chain than event " + std::to_string(history.ack->seq));
    }
  }
  if (history.ack.has_value() && history.ack->seq >= history.next_seq) {
    faults.push_back("event " + std::to_string(history.ack->seq) +
                     " is acknowledged, and the history ends with event " + std::to_string(history.next_seq - 1) +
                     ": events that the centre has are lost here");
  }
}

std::string words_of(Status status, const FlashHistory& history) {
  switch (status) {
    case Status::kNotFound:
      return "there is no journal: all is blank; a controller would make a new one";
    case Status::kVersion:
      return "a mount refuses the image: a newer firmware wrote it";
    case Status::kNoSpace:
      return "a mount finds no sector for its boot: every one is needed";
    case Status::kCorrupt:
      return history.first_order == 0
                 ? "a mount refuses the image: it is no journal, or one of other sectors, or beyond recovery"
                 : "a mount gives up in the middle: a record that it needs does not verify";
    default:
      return "a mount answers " + std::string(to_string(status));
  }
}

void judge_mount(const FlashHistory& history, const MountVerdict& verdict, std::vector<std::string>& faults) {
  if (!verdict.tried) {
    return;
  }
  if (verdict.status != Status::kOk) {
    faults.push_back(words_of(verdict.status, history));
    return;
  }
  const store::MountReport& report = verdict.report;
  if (report.events_lost_from != 0) {
    faults.push_back("a mount reports events " + std::to_string(report.events_lost_from) + " to " +
                     std::to_string(report.events_lost_to) + " as lost");
  }
  const bool same_end = verdict.next_seq == history.next_seq && verdict.chain == history.chain;
  if (report.damaged != history.damaged || (report.damaged == 0 && !same_end)) {
    faults.push_back("the firmware's mount and this reader disagree: " + std::to_string(report.damaged) + " and " +
                     std::to_string(history.damaged) + " damaged places, events up to " +
                     std::to_string(verdict.next_seq - 1) + " and " + std::to_string(history.next_seq - 1));
  }
}

}  // namespace

MountVerdict try_mount(const FlashImage& image, const FlashHistory& history) {
  MountVerdict verdict;
  verdict.tried = image.mountable() && history.fit_for_mount;
  if (!verdict.tried) {
    return verdict;
  }
  const hal::FlashGeometry geometry = geometry_of(image);
  std::vector<std::byte> cells(image.bytes.begin(), image.bytes.begin() + static_cast<std::ptrdiff_t>(geometry.size()));
  hal::MemoryFlash copy(geometry, cells);
  const auto journal = std::make_unique<store::Journal>(copy);
  Nobody nobody;
  verdict.status = journal->mount(nobody, verdict.report);
  verdict.next_seq = journal->next_seq();
  verdict.chain = journal->last_chain();
  return verdict;
}

std::vector<std::string> faults_of(const FlashImage& image, const FlashHistory& history, const MountVerdict& verdict) {
  std::vector<std::string> faults;
  judge_shape(image, faults);
  for (const FlashFinding& finding : history.findings) {
    if (!finding.harmless) {
      faults.push_back(finding.words);
    }
  }
  judge_records(image, history, faults);
  judge_mount(history, verdict, faults);
  return faults;
}

}  // namespace cubby::tools
