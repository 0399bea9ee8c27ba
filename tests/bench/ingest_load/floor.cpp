#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "bench/ingest_load/loads.h"
#include "firmware/wire/framing/field_reader.h"
#include "firmware/wire/framing/frame.h"
#include "tools/aggregator/core/batch.h"
#include "tools/aggregator/core/event_parser.h"

namespace cubby::bench {
namespace {

using wire::FieldReader;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

class Floor {
 public:
  Floor(const Workload& work, int file, std::uint64_t group)
      : work_(work), file_(file), group_events_(group), chains_(work.sessions.size()) {}

  std::string run(Outcome& outcome) {
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      chains_[i] = chain_start(work_.sessions[i].journal_uid);
    }
    const std::size_t rounds = work_.sessions.front().pieces.size();
    std::uint64_t pending = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < chains_.size(); ++i) {
        const Session& session = work_.sessions[i];
        const std::size_t from = round == 0 ? 0 : session.pieces[round - 1].end;
        const Bytes frame = Bytes(session.bytes).subspan(from, session.pieces[round].end - from);
        const std::size_t events = take(frame, chains_[i]);
        if (events == 0) {
          return "the floor cannot read its own frames";
        }
        group_.insert(group_.end(), frame.begin(), frame.end());
        pending += events;
        if (pending >= group_events_ && !flush(outcome)) {
          return "the file cannot be written";
        }
        pending = pending >= group_events_ ? 0 : pending;
      }
    }
    if (pending > 0 && !flush(outcome)) {
      return "the file cannot be written";
    }
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      if (chains_[i] != work_.sessions[i].chain) {
        return "the floor's chain differs";
      }
    }
    return {};
  }

 private:
  std::size_t take(Bytes frame, Chain& chain) {
    const wire::FrameParse parsed = wire::parse_frame(frame, limits::kFrameUpMax);
    FieldReader outer(parsed.frame.message);
    aggregator::BatchView batch;
    if (!outer.next() || aggregator::read_batch(outer.bytes(), batch) != aggregator::BatchError::kNone) {
      return 0;
    }
    std::uint64_t seq = batch.first_seq;
    FieldReader reader(batch.message);
    while (reader.next()) {
      if (reader.is(4, FieldReader::Wire::kBytes)) {
        chain = chain_next(chain, seq++, reader.bytes());
        aggregator::EventView view;
        if (!parser_.parse(reader.bytes(), view)) {
          return 0;
        }
      }
    }
    return batch.count;
  }

  bool flush(Outcome& outcome) {
    std::size_t at = 0;
    while (at < group_.size()) {
      const ssize_t written = write(file_, group_.data() + at, group_.size() - at);
      if (written < 0) {
        return false;
      }
      at += static_cast<std::size_t>(written);
    }
    group_.clear();
    const auto from = Clock::now();
    if (fsync(file_) != 0) {
      return false;
    }
    outcome.sync_seconds += seconds_since(from);
    ++outcome.syncs;
    return true;
  }

  const Workload& work_;
  int file_;
  std::uint64_t group_events_;
  std::vector<Chain> chains_;
  std::vector<std::byte> group_;
  aggregator::EventParser parser_;
};

}  // namespace

Outcome run_floor(const Workload& work, const std::string& file, std::uint64_t group) {
  Outcome outcome;
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    outcome.error = file + " cannot be made";
    return outcome;
  }
  const double cpu_from = cpu_seconds_of(getpid());
  const auto from = Clock::now();
  outcome.error = Floor(work, descriptor, group).run(outcome);
  outcome.seconds = seconds_since(from);
  outcome.cpu_seconds = cpu_seconds_of(getpid()) - cpu_from;
  close(descriptor);
  return outcome;
}

}  // namespace cubby::bench
