#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/aggregator/storage/event_store.h"
#include "tools/aggregator/storage/sqlite.h"
#include "tools/aggregator/storage/store_reader.h"
#include "tools/aggregator/storage/verifier.h"
#include "unit/aggregator/test_station.h"

/// Stores in files of their own, and who writes them.
namespace cubby::aggregator::testing {

inline void fill(MutableBytes bytes) {
  std::fill(bytes.begin(), bytes.end(), std::byte{5});
}

/// An aggregator without sockets: a store and the Centre in front of it.
struct Aggregator {
  std::unique_ptr<EventStore> store;
  std::unique_ptr<Centre> centre;

  explicit Aggregator(const std::string& path) {
    OpenedStore opened = open_sqlite_store(path, fill);
    EXPECT_EQ(opened.error, "");
    store = std::move(opened.store);
    CentreOptions options = test_options();
    options.session_epoch = store->identity().session_epoch;
    options.store_uid = store->identity().uid;
    options.generation = store->identity().generation;
    centre = std::make_unique<Centre>(std::move(options));
    EXPECT_EQ(store->load(*centre), "");
  }
  void commit() {
    EXPECT_EQ(store->commit(centre->changes(), centre->cities(), centre->brands()), "");
    centre->committed();
  }
  /// Greets on a connection of its own and sends every event that the store lacks.
  void report(const TestJournal& journal, bool announce = false) {
    TestConnection connection(*centre);
    connection.greet(1, journal, announce);
    commit();
    const v1::Down welcome = connection.take_one();
    ASSERT_TRUE(welcome.has_welcome()) << welcome.ShortDebugString();
    for (std::uint64_t first = welcome.welcome().high_water() + 1; first < journal.next_seq(); first += 5) {
      connection.send(1, journal.batch(first, std::min(first + 4, journal.next_seq() - 1)));
    }
    commit();
    for (const auto& received : connection.take()) {
      ASSERT_TRUE(received.down.has_ack()) << received.down.ShortDebugString();
    }
  }
};

struct Store : ::testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("cubby.db");
  TestJournal journal{"SX-TY-0001"};
  TestJournal other{"SX-DT-0002", 2};

  void fill_both() {
    journal.open();
    other.open("Datong");
    for (std::uint32_t i = 0; i < 40; ++i) {
      journal.deposit(1 + i % 10, kNoonUtcMs + i * 600'000);
      other.deposit(1 + i % 10, kNoonUtcMs + i * 500'000);
      if (i >= 10) {
        journal.collect(1 + i % 10, kNoonUtcMs + i * 600'000 + 1);
      }
    }
  }
  void run_sql(const std::string& sql) {
    Database database;
    ASSERT_TRUE(database.open(path, Database::Mode::kReadWriteCreate));
    ASSERT_TRUE(database.run(sql.c_str())) << database.error();
  }
  std::string difference() { return verify_store(path, nullptr).difference; }
  std::vector<LedgerRow> ledger() {
    std::vector<LedgerRow> rows;
    for (const TestJournal* of : {&journal, &other}) {
      for (std::uint32_t door = 1; door <= 10; ++door) {
        LedgerRow row;
        row.station = of->station();
        row.compartment = door;
        for (const std::string& bytes : of->events()) {
          v1::Event event;
          event.ParseFromString(bytes);
          row.observable.of[kDepositKind] += event.has_deposited() && event.deposited().compartment() == door;
          row.observable.of[kCollectionKind] += event.has_collected() && event.collected().compartment() == door;
        }
        rows.push_back(row);
      }
    }
    return rows;
  }
};

}  // namespace cubby::aggregator::testing
