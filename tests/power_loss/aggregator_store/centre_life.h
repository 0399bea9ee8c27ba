#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "power_loss/aggregator_store/fleet.h"
#include "tools/aggregator/storage/event_store.h"

namespace cubby::aggregator_store {

/// What stations have been told, and what the store was asked to make durable, by the number of operations that the
/// disk had done at that moment.
class Book {
 public:
  static constexpr std::size_t kNotYet = SIZE_MAX;
  struct Transaction {
    Marks marks{};
    std::size_t begun = 0;
    std::size_t done = kNotYet;
  };
  void begin(const Marks& marks, std::size_t operations) {
    transactions_.push_back({.marks = marks, .begun = operations});
  }
  void done(std::size_t operations) { transactions_.back().done = operations; }
  /// The stations heard who the store is.
  void welcomed(const aggregator::StoreIdentity& identity, std::size_t operations) {
    identities_.push_back({.identity = identity, .operations = operations});
  }

  /// Empty, or why a store must not look so after a cut when the disk had done `operations`.
  std::string check(const Marks& found, std::size_t operations) const;
  std::string check(const aggregator::StoreIdentity& found, std::size_t operations) const;
  /// The same knowledge for whoever starts from that cut.
  Book after_cut(std::size_t operations) const;

 private:
  struct Heard {
    aggregator::StoreIdentity identity;
    std::size_t operations = 0;
  };
  std::vector<Transaction> transactions_{{.marks = {}, .begun = 0, .done = 0}};
  std::vector<Heard> identities_;
};

/// An aggregator without sockets, from its start to its end, and the stations' side of their connections to it.
class CentreLife {
 public:
  CentreLife(const Fleet& fleet, Book& book, std::function<std::size_t()> operations)
      : fleet_(fleet), book_(book), operations_(std::move(operations)) {}

  /// Opens the store and compares it with what stations know from before, when the disk had done
  /// `operations`.
  bool open(const std::string& path, std::size_t operations);
  /// Both stations connect.
  bool greet();
  /// Reports, commits and takes the acknowledgements, one transaction for each round of batches.
  bool bring_to(const Phase& phase);
  /// One line if the store said that it cannot; after that, this life has to end.
  const std::string& store_error() const { return store_error_; }
  /// One line if something happened that must never happen.
  const std::string& violation() const { return violation_; }
  /// Acknowledges before the transaction, as a checker's check.
  void set_hasty(bool hasty) { hasty_ = hasty; }

 private:
  Marks marks() const;
  bool commit();
  bool take_answers(bool welcome);
  bool fail(std::string what);

  const Fleet& fleet_;
  Book& book_;
  std::function<std::size_t()> operations_;
  std::unique_ptr<aggregator::EventStore> store_;
  std::unique_ptr<aggregator::Centre> centre_;
  std::vector<std::unique_ptr<aggregator::testing::TestConnection>> connections_;
  std::string store_error_;
  std::string violation_;
  bool hasty_ = false;
};

}  // namespace cubby::aggregator_store
