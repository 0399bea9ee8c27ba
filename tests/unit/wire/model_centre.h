#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unit/wire/uplink_world.h"

namespace cubby::wire::test {

/// The simplest centre that keeps the rules of docs/spec/wire.md, and that complains (as test failures)
/// about every rule that a station breaks. It has no time: it does what it is told when it is told.
class ModelCentre {
 public:
  ModelCentre(const StationKey& key, const JournalUid& uid) : key_(key), uid_(uid) {}

  void connected();  // A new connection; forgets the old one.
  void receive(std::string_view bytes);
  void commit();                           // Makes everything durable and acknowledges it.
  void crash();                            // Loses what was not committed, and the connection's state.
  void restore(std::uint64_t high_water);  // An older backup is put back.
  void pause(std::uint32_t retry_after_s);

  std::string output;  // To the station.
  std::uint32_t window = 2'000;
  bool quarrel = false;  // A rule was broken; the test has failed.

  std::uint64_t high_water() const { return durable_; }
  std::uint64_t gap_events() const;
  /// Checks that what is stored equals the journal, gaps apart.
  void expect_equal_to(const FakeEvents& events) const;

 private:
  enum class Stage : std::uint8_t { kHello, kProof, kStream };
  struct Stored {
    std::optional<std::string> payload;  // Nothing: lost in a Gap.
    Chain chain = 0;
  };
  void say(const cubby::v1::Down& down) { output += frame_of(down); }
  void handle(const cubby::v1::Up& up);
  void on_proof(const cubby::v1::Proof& proof);
  void on_batch(const cubby::v1::Batch& batch);
  void on_gap(const cubby::v1::Gap& gap);
  void ack();
  Chain chain_at(std::uint64_t seq) const { return seq == 0 ? chain_start(uid_) : stored_.at(seq - 1).chain; }

  StationKey key_;
  JournalUid uid_;
  Stage stage_ = Stage::kHello;
  std::string input_;
  cubby::v1::Hello hello_;
  std::vector<Stored> stored_;
  std::uint64_t durable_ = 0;
  std::uint64_t generation_ = 1;
  std::uint64_t session_ = 0;
};

}  // namespace cubby::wire::test
