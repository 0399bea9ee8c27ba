#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "power_loss/aggregator_store/centre_life.h"
#include "power_loss/aggregator_store/disk_vfs.h"

namespace cubby::aggregator_store {

/// A defect of the arrangement itself, which the campaign must find: what it is worth without.
enum class Mistake : std::uint8_t {
  kNone,
  kSyncsAreIgnored,  // The disk says "synced" and has done nothing.
  kHasty,            // Acknowledged before the transaction.
};

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t draws = 2;            // Of CutMode::kSome at every operation.
  std::uint64_t second_stride = 199;  // Every so many recoveries are cut too, 0: none ...
  std::uint64_t second_step = 5;      // ... at every so many operations of theirs.
  Mistake mistake = Mistake::kNone;
  std::uint64_t failures_max = 10;  // Ends after so many.
};

struct Totals {
  std::uint64_t writes = 0;  // Of the story: what was cut at.
  std::uint64_t truncations = 0;
  std::uint64_t syncs = 0;
  std::uint64_t names = 0;  // Files made and deleted.
  std::uint64_t single_cuts = 0;
  std::uint64_t double_cuts = 0;
  std::uint64_t failures = 0;
  std::string first_failure;
};

/// What became of a story on a disk that fails.
struct FaultOutcome {
  bool struck = false;       // The fault came to pass.
  std::uint64_t places = 0;  // Where it could, unless it did.
  std::uint64_t errors = 0;  // The store said so many times that it cannot.
  std::string failure;       // Empty: as it should be.
};

class Campaign {
 public:
  explicit Campaign(Options options) : options_(options) {}
  /// Tells the story once, then cuts the power at each operation of the disk, in every way.
  Totals cut_everywhere();
  /// Tells the story on a disk that fails; a fault that lasts is mended after a few errors. At an error the store is
  /// opened again, as the aggregator does, or else, if `process_dies`, nothing is closed before.
  FaultOutcome fail(Fault fault, bool process_dies);

 private:
  struct Recording {
    Disk start;
    std::vector<Operation> operations;
    Book book;
  };
  /// Of one cut: where, how, and with which draw.
  struct Cut {
    std::size_t operation = 0;
    CutMode mode = CutMode::kKept;
    std::uint64_t draw = 0;
  };

  std::string tell(Book& book);
  bool retry(std::unique_ptr<CentreLife>& life, Book& book, const Phase& phase);
  void end_life(std::unique_ptr<CentreLife>& life, bool process_dies);
  std::string recover(Disk image, const Recording& before, std::size_t cut_at, Recording* next);
  std::string check_durable();
  void cut_each(const Recording& recording, const std::string& prefix, bool deeper);
  void try_cut(const Disk& disk, const Recording& recording, const Cut& cut, const std::string& prefix, bool deeper);
  std::vector<Cut> cuts_at(std::size_t operation, bool deeper) const;
  std::size_t operations() const { return log_.size(); }

  Options options_;
  Fleet fleet_;
  aggregator::testing::TemporaryFolder folder_;  // The lock on the store's file is a real one.
  std::string path_ = folder_.file("cubby.db");
  DiskVfs vfs_;
  std::vector<Operation> log_;
  Totals totals_;
};

}  // namespace cubby::aggregator_store
