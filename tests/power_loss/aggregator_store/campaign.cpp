#include "power_loss/aggregator_store/campaign.h"

#include <algorithm>

#include "tools/aggregator/storage/sqlite.h"

namespace cubby::aggregator_store {
namespace {

using aggregator::Database;
using aggregator::Statement;

constexpr int kErrorsMax = 8;  // Of one story; a fault that lasts is mended before that.
constexpr int kErrorsUntilMended = 3;

// A second connection, as SQLite's own automatic checkpoint needs a longer log than this story writes. Its errors are
// nobody's: what cannot be merged stays in the log.
void merge_log(const std::string& path) {
  Database database;
  if (database.open(path, Database::Mode::kReadWriteCreate)) {
    database.run("PRAGMA wal_checkpoint(PASSIVE)");
  }
}

}  // namespace

// The whole story, on a disk without faults. Empty, or what was wrong.
std::string Campaign::tell(Book& book) {
  std::unique_ptr<CentreLife> life;
  for (const Phase& phase : fleet_.story()) {
    bool went_well = true;
    if (life == nullptr) {
      life = std::make_unique<CentreLife>(fleet_, book, [this] { return operations(); });
      life->set_hasty(options_.mistake == Mistake::kHasty);
      went_well = life->open(path_, operations()) && life->greet();
    }
    if (!went_well || !life->bring_to(phase)) {
      return life->violation().empty() ? "the store said: " + life->store_error() : life->violation();
    }
    if (phase.checkpoint) {
      merge_log(path_);
    }
    if (phase.restart) {
      life.reset();
    }
  }
  return {};
}

// What the power would leave if it went now is what was acknowledged, and the log, the marks, the statistics and the
// ledger agree.
std::string Campaign::check_durable() {
  const aggregator::Verification result = aggregator::verify_store(path_, &fleet_.ledger());
  if (result.verdict != "verify: exact except 1 gaps") {
    return result.verdict + ": " + result.difference;
  }
  Database database;
  if (!database.open(path_, Database::Mode::kReadOnly)) {
    return database.error();
  }
  for (std::size_t i = 0; i < kStations; ++i) {
    Statement mark(database, "SELECT j.seq FROM journals j JOIN stations s USING (station_id) WHERE s.name = ?1");
    if (!mark.bind(1, std::string_view(fleet_.journal(i).station())).row() ||
        mark.unsigned_number(0) != fleet_.ends()[i]) {
      return "not everything of " + fleet_.journal(i).station() + " is durable";
    }
  }
  return {};
}

// The next process: it opens what is left, the stations say all that it lacks, and then the power goes again.
std::string Campaign::recover(Disk image, const Recording& before, std::size_t cut_at, Recording* next) {
  Book book = before.book.after_cut(cut_at);
  if (next != nullptr) {
    next->start = image;
    next->book = book;
  }
  vfs_.insert(std::move(image));
  log_.clear();
  Disk left;
  {
    CentreLife life(fleet_, book, [this] { return operations(); });
    const Phase rest{.up_to = fleet_.ends(), .utc_ms = fleet_.story().back().utc_ms};
    if (!life.open(path_, 0) || !life.greet() || !life.bring_to(rest)) {
      return life.violation().empty() ? "the store said: " + life.store_error() : life.violation();
    }
    Prng unused(0);
    left = vfs_.disk().cut(CutMode::kDropped, unused);
    if (next != nullptr) {
      next->operations = log_;
      next->book = book;
    }
  }
  vfs_.insert(std::move(left));
  return check_durable();
}

std::vector<Campaign::Cut> Campaign::cuts_at(std::size_t operation, bool deeper) const {
  std::vector<Cut> cuts;
  for (const CutMode mode : {CutMode::kKept, CutMode::kDropped, CutMode::kTorn, CutMode::kLastOnly, CutMode::kKilled}) {
    cuts.push_back({.operation = operation, .mode = mode});
  }
  for (std::uint64_t draw = 0; draw < (deeper ? options_.draws : 1); ++draw) {
    cuts.push_back({.operation = operation, .mode = CutMode::kSome, .draw = draw});
  }
  return cuts;
}

void Campaign::try_cut(const Disk& disk, const Recording& recording, const Cut& cut, const std::string& prefix,
                       bool deeper) {
  Prng prng = Prng(options_.seed).child("cut", cut.operation).child("draw", cut.draw);
  std::uint64_t& count = deeper ? totals_.single_cuts : totals_.double_cuts;
  const bool cuts_again = deeper && options_.second_stride != 0 && count % options_.second_stride == 0;
  ++count;
  Recording next;
  const std::string where = prefix + "operation " + std::to_string(cut.operation) + " " + to_string(cut.mode) +
                            (cut.mode == CutMode::kSome ? " draw " + std::to_string(cut.draw) : "");
  const std::string wrong = recover(disk.cut(cut.mode, prng), recording, cut.operation, cuts_again ? &next : nullptr);
  if (!wrong.empty()) {
    totals_.first_failure = totals_.failures == 0 ? where + ": " + wrong : totals_.first_failure;
    ++totals_.failures;
  } else if (cuts_again) {
    cut_each(next, where + ", then ", false);
  }
}

// At operation N the disk has done N of them; the next one is on its way, and a sync on its way has not happened.
void Campaign::cut_each(const Recording& recording, const std::string& prefix, bool deeper) {
  Disk disk = recording.start;
  const std::size_t count = recording.operations.size();
  for (std::size_t i = 0; i <= count && totals_.failures < options_.failures_max; ++i) {
    const bool is_sync = i < count && recording.operations[i].kind == Operation::Kind::kSync;
    if (i < count && !is_sync) {
      disk.apply(recording.operations[i]);
    }
    if (deeper || i % options_.second_step == 0 || i == count) {
      for (const Cut& cut : cuts_at(i, deeper)) {
        try_cut(disk, recording, cut, prefix, deeper);
      }
    }
    if (is_sync && options_.mistake != Mistake::kSyncsAreIgnored) {
      disk.apply(recording.operations[i]);
    }
  }
}

Totals Campaign::cut_everywhere() {
  totals_ = {};
  Recording story;
  log_.clear();
  vfs_.insert({});
  vfs_.record(&log_);
  totals_.first_failure = tell(story.book);
  if (!totals_.first_failure.empty()) {
    ++totals_.failures;
    return totals_;
  }
  story.operations = log_;
  for (const Operation& operation : story.operations) {
    const bool is_name = operation.kind == Operation::Kind::kCreate || operation.kind == Operation::Kind::kDelete;
    totals_.names += is_name ? 1 : 0;
    totals_.writes += operation.kind == Operation::Kind::kWrite ? 1 : 0;
    totals_.truncations += operation.kind == Operation::Kind::kTruncate ? 1 : 0;
    totals_.syncs += operation.kind == Operation::Kind::kSync ? 1 : 0;
  }
  cut_each(story, "", true);
  vfs_.record(nullptr);
  return totals_;
}

// One try at a part of the story, with a new process if the last one ended. True: done.
bool Campaign::retry(std::unique_ptr<CentreLife>& life, Book& book, const Phase& phase) {
  if (life == nullptr) {
    life = std::make_unique<CentreLife>(fleet_, book, [this] { return operations(); });
    if (!life->open(path_, operations()) || !life->greet()) {
      return false;
    }
  }
  return life->bring_to(phase);
}

void Campaign::end_life(std::unique_ptr<CentreLife>& life, bool process_dies) {
  Disk as_it_was = process_dies ? vfs_.disk() : Disk();
  life.reset();
  if (process_dies) {
    vfs_.insert(std::move(as_it_was));
  }
}

FaultOutcome Campaign::fail(Fault fault, bool process_dies) {
  FaultOutcome outcome;
  Book book;
  log_.clear();
  vfs_.insert({});
  vfs_.record(&log_);
  vfs_.arm(fault);
  std::unique_ptr<CentreLife> life;
  for (const Phase& phase : fleet_.story()) {
    while (outcome.failure.empty() && !retry(life, book, phase)) {
      outcome.struck = outcome.struck || vfs_.has_struck();
      outcome.failure = life->violation();
      if (++outcome.errors > kErrorsMax || !outcome.struck) {
        outcome.failure = "the store does not recover: " + life->store_error();
      }
      end_life(life, process_dies);
      if (outcome.errors == kErrorsUntilMended) {
        vfs_.arm({});
      }
    }
    if (outcome.failure.empty() && phase.checkpoint) {
      merge_log(path_);
    }
    if (phase.restart) {
      life.reset();
    }
  }
  outcome.struck = outcome.struck || vfs_.has_struck();
  outcome.places = vfs_.seen(fault.kind);
  vfs_.arm({});
  Prng unused(0);
  Disk left = vfs_.disk().cut(CutMode::kDropped, unused);
  life.reset();
  vfs_.record(nullptr);
  vfs_.insert(std::move(left));
  outcome.failure = outcome.failure.empty() ? check_durable() : outcome.failure;
  return outcome;
}

}  // namespace cubby::aggregator_store
