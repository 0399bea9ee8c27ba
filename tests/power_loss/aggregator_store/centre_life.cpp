#include "power_loss/aggregator_store/centre_life.h"

#include <algorithm>

namespace cubby::aggregator_store {
namespace {

using aggregator::Centre;
using aggregator::StationRecord;
using aggregator::testing::TestConnection;
using aggregator::testing::TestJournal;

constexpr std::uint32_t kChannel = 1;

std::string words(const Marks& marks) {
  return std::to_string(marks[0]) + " and " + std::to_string(marks[1]);
}

// Each store that is made has an identity of its own.
void fill_random(MutableBytes bytes) {
  static Prng prng(1);
  std::generate(bytes.begin(), bytes.end(), [] { return static_cast<std::byte>(prng.next()); });
}

}  // namespace

std::string Book::check(const Marks& found, std::size_t operations) const {
  std::size_t promised = 0;
  for (std::size_t i = 0; i < transactions_.size(); ++i) {
    promised = transactions_[i].done <= operations ? i : promised;
  }
  for (std::size_t i = promised; i < transactions_.size() && transactions_[i].begun <= operations; ++i) {
    if (transactions_[i].marks == found) {
      return {};
    }
  }
  return "the marks are " + words(found) + ", which no transaction left; " + words(transactions_[promised].marks) +
         " were promised";
}

std::string Book::check(const aggregator::StoreIdentity& found, std::size_t operations) const {
  for (const Heard& heard : identities_) {
    if (heard.operations <= operations &&
        (heard.identity.uid != found.uid || heard.identity.generation != found.generation ||
         heard.identity.session_epoch >= found.session_epoch)) {
      return "the store's identity is not what stations know: generation " + std::to_string(found.generation) +
             ", opening " + std::to_string(found.session_epoch);
    }
  }
  return {};
}

Book Book::after_cut(std::size_t operations) const {
  Book book;
  book.transactions_.clear();
  for (const Transaction& each : transactions_) {
    if (each.begun <= operations) {
      book.transactions_.push_back({.marks = each.marks, .begun = 0, .done = each.done <= operations ? 0 : kNotYet});
    }
  }
  for (const Heard& each : identities_) {
    if (each.operations <= operations) {
      book.identities_.push_back({.identity = each.identity, .operations = 0});
    }
  }
  return book;
}

bool CentreLife::fail(std::string what) {
  violation_ = std::move(what);
  return false;
}

Marks CentreLife::marks() const {
  Marks marks{};
  for (std::size_t i = 0; i < kStations; ++i) {
    const StationRecord* station = centre_->find(fleet_.journal(i).station());
    marks[i] = station == nullptr ? 0 : station->journal.seq;
  }
  return marks;
}

bool CentreLife::open(const std::string& path, std::size_t operations) {
  aggregator::OpenedStore opened = aggregator::open_sqlite_store(path, fill_random);
  if (!opened.store) {
    store_error_ = opened.error;
    return !opened.error.empty() ? false : fail("the store does not open and does not say why");
  }
  store_ = std::move(opened.store);
  const aggregator::StoreIdentity identity = store_->identity();
  if (std::string wrong = book_.check(identity, operations); !wrong.empty()) {
    return fail(std::move(wrong));
  }
  aggregator::CentreOptions options = aggregator::testing::test_options();
  options.store_uid = identity.uid;
  options.generation = identity.generation;
  options.session_epoch = identity.session_epoch;
  centre_ = std::make_unique<Centre>(std::move(options));
  store_error_ = store_->load(*centre_);
  if (!store_error_.empty()) {
    return false;
  }
  if (std::string wrong = book_.check(marks(), operations); !wrong.empty()) {
    return fail(std::move(wrong));
  }
  return true;
}

bool CentreLife::greet() {
  for (std::size_t i = 0; i < kStations; ++i) {
    const TestJournal& journal = fleet_.journal(i);
    TestConnection& connection = *connections_.emplace_back(std::make_unique<TestConnection>(*centre_));
    connection.send(kChannel, journal.hello());
    const auto answers = connection.take();
    if (answers.size() != 1 || !answers[0].down.has_challenge()) {
      return fail("no Challenge for " + journal.station());
    }
    connection.send(kChannel, journal.proof(answers[0].down.challenge().nonce()));
  }
  if (!commit() || !take_answers(true)) {
    return false;
  }
  book_.welcomed(store_->identity(), operations_());
  return true;
}

bool CentreLife::bring_to(const Phase& phase) {
  while (marks() != phase.up_to) {
    const Marks before = marks();
    for (std::size_t i = 0; i < kStations; ++i) {
      const std::uint64_t mark = before[i];
      if (mark < phase.up_to[i]) {
        const v1::Up up = fleet_.next(i, mark, phase.up_to[i]);
        connections_[i]->send_bytes(kChannel, up.SerializeAsString(), phase.utc_ms);
      }
    }
    if (marks() == before) {
      take_answers(false);
      return violation_.empty() ? fail("the centre took nothing after " + words(before)) : false;
    }
    if (!commit() || !take_answers(false)) {
      return false;
    }
  }
  return true;
}

bool CentreLife::commit() {
  book_.begin(marks(), operations_());
  if (hasty_) {
    book_.done(operations_());
  }
  const auto& changes = centre_->changes();
  if (!changes.empty()) {
    store_error_ = store_->commit(changes, centre_->cities(), centre_->brands());
    if (!store_error_.empty()) {
      return false;
    }
    centre_->committed();
  }
  if (!hasty_) {
    book_.done(operations_());
  }
  return true;
}

// Every answer is a promise: it must name the mark that was made durable, and the chain that the station has there.
bool CentreLife::take_answers(bool welcome) {
  const Marks durable = marks();
  for (std::size_t i = 0; i < kStations; ++i) {
    const TestJournal& journal = fleet_.journal(i);
    std::uint64_t told = 0;
    std::size_t count = 0;
    for (const auto& answer : connections_[i]->take()) {
      if (answer.down.has_welcome() != welcome || answer.down.has_ack() == welcome) {
        return fail(journal.station() + " was answered " + answer.down.ShortDebugString());
      }
      told = welcome ? answer.down.welcome().high_water() : answer.down.ack().durable_seq();
      const Chain chain = welcome ? answer.down.welcome().high_water_chain() : answer.down.ack().chain();
      if (told >= journal.next_seq() || chain != journal.chain(told)) {
        return fail(journal.station() + " is in conflict at " + std::to_string(told));
      }
      ++count;
    }
    if ((welcome && count != 1) || (count != 0 && told != durable[i])) {
      return fail(journal.station() + " was told " + std::to_string(told) + " in " + std::to_string(count) +
                  " answers; durable is " + std::to_string(durable[i]));
    }
  }
  return true;
}

}  // namespace cubby::aggregator_store
