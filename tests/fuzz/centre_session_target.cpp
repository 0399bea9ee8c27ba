// The centre's side of the uplink, and stations that say anything: good messages in any order, good ones with wrong
// content, bytes. Whatever comes, the log stays gapless with its chain, only who has proven itself writes, and nothing
// is promised that is not durable.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "fuzz/stories.h"
#include "fuzz/targets.h"
#include "tools/aggregator/core/connection_protocol.h"

namespace cubby::fuzz {
namespace {

using aggregator::BatchRecord;
using aggregator::Centre;
using aggregator::CentreOptions;
using aggregator::ChainHistory;
using aggregator::Changes;
using aggregator::ConnectionProtocol;
using aggregator::GapRecord;
using aggregator::JournalRecord;

constexpr int kStepsMax = 150;
constexpr std::size_t kConnections = 2;
constexpr std::uint32_t kChannels = 3;
constexpr std::size_t kKeptMax = 1 << 20;  // Of what one connection waits with.
/// What is durable, checked as it comes: an account of its own of what the centre hands to its store.
class Log final : public ChainHistory {
 public:
  /// What a message would make of a journal, if its sender's account of what came before is true.
  void offer(const std::string& message) {
    v1::Up up;
    if (!up.ParseFromString(message) || !up.has_batch()) {
      return;
    }
    std::uint64_t seq = up.batch().first_seq() - 1;
    Chain chain = up.batch().previous_chain();
    for (const std::string& event : up.batch().events()) {
      chain = chain_next(chain, ++seq, as_bytes(event));
    }
    offered_.emplace(up.batch().journal_uid(), seq, chain);
  }
  void take(const Changes& changes, const std::map<std::string, bool>& proven) {
    for (const aggregator::StationRecord* station : changes.stations) {
      require(proven.contains(station->name), "only who has proven itself becomes a station");
    }
    for (const auto& retired : changes.retired) {
      journals_.try_emplace(retired.journal.id,
                            Journal{.uid = retired.journal.uid, .chains = {{0, chain_start(retired.journal.uid)}}});
    }
    for (const aggregator::StationRecord* station : changes.journals) {
      require(proven.contains(station->name), "only who has proven itself writes");
      const JournalRecord& journal = station->journal;
      journals_.try_emplace(journal.id, Journal{.uid = journal.uid, .chains = {{0, chain_start(journal.uid)}}});
    }
    auto batch = changes.batches.begin();
    auto gap = changes.gaps.begin();
    while (batch != changes.batches.end() || gap != changes.gaps.end()) {
      if (batch != changes.batches.end() && follows(batch->journal_id, batch->first_seq)) {
        take(*batch++, changes.payload);
      } else {
        require(gap != changes.gaps.end() && follows(gap->journal_id, gap->from_seq),
                "the log of a journal is gapless");
        take(*gap++);
      }
    }
    for (const aggregator::StationRecord* station : changes.journals) {
      const Journal& journal = journals_.at(station->journal.id);
      require(station->journal.seq == journal.seq && station->journal.chain == journal.chains.at(journal.seq),
              "a mark is the end of the log");
    }
  }
  /// Whether somebody's journal of that name is durable up to there with that chain.
  bool has(const std::string& uid, std::uint64_t seq, Chain chain) const {
    return std::any_of(journals_.begin(), journals_.end(), [&](const auto& each) {
      const auto at = each.second.chains.find(seq);
      return text_of(each.second.uid) == uid && at != each.second.chains.end() && at->second == chain;
    });
  }
  bool has(std::uint64_t seq, Chain chain) const {
    return std::any_of(journals_.begin(), journals_.end(),
                       [&](const auto& each) { return has(text_of(each.second.uid), seq, chain); });
  }
  Answer chain_at(const JournalRecord& journal, std::uint64_t seq, Chain& chain) override {
    const auto found = journals_.find(journal.id);
    if (found == journals_.end() || !found->second.chains.contains(seq)) {
      return Answer::kUnknown;
    }
    chain = found->second.chains.at(seq);
    return Answer::kFound;
  }

 private:
  struct Journal {
    JournalUid uid{};
    std::uint64_t seq = 0;
    std::map<std::uint64_t, Chain> chains;  // After these events.
  };
  bool follows(std::uint32_t journal, std::uint64_t seq) const { return journals_.at(journal).seq + 1 == seq; }
  void take(const BatchRecord& batch, Bytes payloads) {
    Journal& journal = journals_.at(batch.journal_id);
    require(batch.previous_chain == journal.chains.at(journal.seq), "a row follows the chain");
    Bytes payload = payloads.subspan(batch.payload_offset, batch.payload_size);
    while (!payload.empty()) {
      std::uint64_t size = 0;
      std::size_t used = 0;
      for (unsigned byte = 0x80; (byte & 0x80) != 0 && used < payload.size(); ++used) {
        byte = std::to_integer<unsigned>(payload[used]);
        size |= std::uint64_t{byte & 0x7F} << (7 * used);
      }
      require(size <= payload.size() - used, "a row holds whole events");
      const Chain before = journal.chains.at(journal.seq);
      ++journal.seq;
      journal.chains[journal.seq] = chain_next(before, journal.seq, payload.subspan(used, size));
      payload = payload.subspan(used + size);
    }
    require(journal.seq == batch.last_seq && journal.chains.at(journal.seq) == batch.chain, "a row says where it ends");
    require(offered_.contains({text_of(journal.uid), batch.last_seq, batch.chain}),
            "and is what somebody's history is");
  }
  void take(const GapRecord& gap) {
    Journal& journal = journals_.at(gap.journal_id);
    require(gap.to_seq >= gap.from_seq, "a gap has an extent");
    journal.seq = gap.to_seq;
    journal.chains[gap.to_seq] = gap.new_chain;
  }

  std::map<std::uint32_t, Journal> journals_;
  std::set<std::tuple<std::string, std::uint64_t, Chain>> offered_;
};

struct Connection final : aggregator::ConnectionOwner {
  Connection(Centre& centre, bool allow_virtual_time)
      : protocol(centre, *this, {.allow_virtual_time = allow_virtual_time}) {}
  void on_output() override {}

  ConnectionProtocol protocol;
  std::array<const Story*, kChannels + 1> greeted{};  // By channel: whom the last Hello named.
  std::array<std::string, kChannels + 1> nonce;       // Of the last Challenge.
};

class Game {
 public:
  explicit Game(Input& input) : input_(input), centre_(options()) {
    centre_.set_history(&log_);
    for (std::size_t station = 0; station < kStoryStations; ++station) {
      for (unsigned journal = 0; journal < 2; ++journal) {
        stories_.push_back(make_story(station, journal));
      }
    }
    may_be_virtual_ = input.flag();
    for (auto& connection : connections_) {
      connection = std::make_unique<Connection>(centre_, may_be_virtual_);
    }
  }
  void play() {
    for (int steps = 0; !input_.empty() && steps < kStepsMax; ++steps) {
      step();
      for (const auto& connection : connections_) {
        hear(*connection);
      }
    }
    commit();
  }

 private:
  static StationKey fleet_key() {
    StationKey key;
    key.fill(std::byte{7});
    return key;
  }
  static CentreOptions options() {
    CentreOptions options;
    options.fleet_keys = FleetKeys(fleet_key());
    options.store_uid.fill(std::byte{1});
    options.fill_random = [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{9}); };
    return options;
  }
  void step() {
    const unsigned what = input_.one_of(16);
    const std::size_t which = mostly_first(kConnections);
    switch (what) {
      case 0:
        return commit();
      case 1:
        now_ms_ += input_.byte() << input_.one_of(16);
        return;
      case 2:
        connections_[which] = std::make_unique<Connection>(centre_, may_be_virtual_);
        return;
      default:
        return say(*connections_[which], which, what);
    }
  }
  void say(Connection& connection, std::size_t which, unsigned what) {
    const std::uint32_t channel = what == 3 ? 0 : 1 + mostly_first(kChannels);
    const std::string message = message_of(connection, channel, what);
    log_.offer(message);
    const auto verdict = connection.protocol.on_frame({.channel = channel, .message = as_bytes(message)}, now_ms_);
    require(connection.protocol.held_size() + connection.protocol.ready().size() < kKeptMax,
            "what a connection waits with is bounded");
    if (verdict == ConnectionProtocol::Verdict::kClose) {
      require(!connection.protocol.close_reason().empty(), "an end has a reason");
      hear(connection);
      connections_[which] = std::make_unique<Connection>(centre_, may_be_virtual_);
    }
  }
  std::string message_of(Connection& connection, std::uint32_t channel, unsigned what) {
    v1::Up up;
    const Story* const story = connection.greeted[channel];
    switch (what) {
      case 3:
        up.mutable_virtual_time()->set_utc_ms(near(now_ms_));
        up.mutable_virtual_time()->set_barrier(input_.flag());
        break;
      case 4:
        return text_of(input_.take(input_.byte()));
      case 5:
        up.mutable_ping();
        break;
      case 6:
        up.mutable_alert()->set_compartment(input_.byte());
        break;
      case 7:
      case 8:
        fill(*up.mutable_hello(), connection, channel);
        break;
      case 9:
      case 10:
        up.mutable_proof()->set_mac(proof_of(connection, channel));
        break;
      case 11:
        fill(*up.mutable_gap(), story == nullptr ? stories_.front() : *story);
        break;
      default:
        fill(*up.mutable_batch(), story == nullptr ? stories_.front() : *story);
        break;
    }
    return up.SerializeAsString();
  }
  // Where there is a choice, what goes on with what was begun.
  unsigned mostly_first(std::size_t count) {
    const unsigned choice = input_.byte();
    return choice < 176 ? 0 : choice % static_cast<unsigned>(count);
  }
  // A number that is right, a near one, or any.
  std::uint64_t near(std::uint64_t right) {
    const unsigned how = input_.byte();
    return how < 235 ? right : how < 252 ? right + how % 5 - 2 : input_.number();
  }
  void fill(v1::Hello& hello, Connection& connection, std::uint32_t channel) {
    const Story& story = stories_[input_.one_of(stories_.size())];
    connection.greeted[channel] = &story;
    const auto next_seq = near(1 + input_.one_of(kStoryEvents + 1));
    hello.set_protocol(static_cast<std::uint32_t>(near(1)));
    hello.set_station(story.station);
    hello.set_journal_uid(text_of(story.uid));
    hello.set_boot(1);
    hello.set_oldest_seq(near(1));
    hello.set_next_seq(next_seq);
    hello.set_nonce(std::string(near(16) % 40, 'n'));
    if (input_.flag()) {
      hello.add_capabilities(v1::CAPABILITY_NEW_JOURNAL);
    }
    if (input_.flag() && next_seq > 0 && next_seq <= kStoryEvents + 1) {
      hello.mutable_last_ack()->set_seq(next_seq - 1);
      hello.mutable_last_ack()->set_chain(near(story.chains[input_.one_of(2)][next_seq - 1]));
    }
  }
  std::string proof_of(Connection& connection, std::uint32_t channel) {
    const Story* const story = connection.greeted[channel];
    if (story == nullptr || connection.nonce[channel].empty() || input_.one_of(8) == 0) {
      return std::string(32, static_cast<char>(input_.byte()));
    }
    const StationKey key = derive_station_key(fleet_key(), story->station, 1);
    const std::string nonce(16, 'n');
    const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), as_bytes(connection.nonce[channel]), as_bytes(nonce),
                                     story->uid, as_bytes(story->station)};
    proven_[story->station] = true;
    return text_of(hmac_sha256(key, parts));
  }
  void fill(v1::Batch& batch, const Story& story) {
    const std::size_t version = input_.one_of(2);
    const std::size_t first = 1 + input_.one_of(kStoryEvents);
    const std::size_t count = std::min<std::size_t>(input_.one_of(6), kStoryEvents + 1 - first);
    batch.set_journal_uid(text_of(input_.byte() < 230 ? story.uid : stories_[input_.one_of(stories_.size())].uid));
    batch.set_first_seq(near(first));
    batch.set_previous_chain(near(story.chains[version][first - 1]));
    for (std::size_t seq = first; seq < first + count; ++seq) {
      batch.add_events(input_.byte() < 240 ? story.events[version][seq - 1] : text_of(input_.take(input_.byte())));
    }
  }
  void fill(v1::Gap& gap, const Story& story) {
    const std::uint64_t from = near(1 + input_.one_of(kStoryEvents));
    const std::uint64_t to = near(1 + input_.one_of(kStoryEvents));
    gap.set_journal_uid(text_of(story.uid));
    gap.set_from_seq(from);
    gap.set_to_seq(to);
    gap.set_cause(v1::GAP_CAUSE_TRIMMED);
    gap.set_new_chain(to <= kStoryEvents ? story.chains[input_.one_of(2)][to] : input_.number());
  }

  void commit() {
    log_.take(centre_.changes(), proven_);
    centre_.committed();
    for (const auto& connection : connections_) {
      require(!connection->protocol.waits_for_commit(), "a commit lets go of every answer");
      hear(*connection);
    }
  }
  void hear(Connection& connection) {
    std::vector<std::byte> bytes;
    bytes.swap(connection.protocol.ready());
    for (Bytes rest(bytes); !rest.empty();) {
      const auto parse = wire::parse_frame(rest, limits::kFrameDownMax);
      require(parse.kind == wire::FrameParse::Kind::kFrame, "a centre says whole frames");
      v1::Down down;
      require(down.ParseFromArray(parse.frame.message.data(), static_cast<int>(parse.frame.message.size())) &&
                  down.body_case() != v1::Down::BODY_NOT_SET,
              "of one message each");
      judge(connection, parse.frame.channel, down);
      rest = rest.subspan(parse.consumed);
    }
  }
  void judge(Connection& connection, std::uint32_t channel, const v1::Down& down) {
    require(channel <= kChannels && (channel != 0 || down.has_virtual_time()), "an answer goes to who asked");
    if (down.has_challenge()) {
      connection.nonce[channel] = down.challenge().nonce();
    } else if (down.has_ack()) {
      require(log_.has(down.ack().journal_uid(), down.ack().durable_seq(), down.ack().chain()),
              "an Ack is of what is durable (S6)");
    } else if (down.has_welcome()) {
      require(log_.has(down.welcome().high_water(), down.welcome().high_water_chain()), "and so is a Welcome");
      require(sessions_.insert(down.welcome().session()).second, "no two sessions have one number");
    }
  }

  Input& input_;
  std::vector<Story> stories_;
  Log log_;
  Centre centre_;
  std::array<std::unique_ptr<Connection>, kConnections> connections_;
  std::map<std::string, bool> proven_;
  std::uint64_t now_ms_ = kNoonUtcMs;
  std::set<std::uint64_t> sessions_;
  bool may_be_virtual_ = false;
};

}  // namespace

/// Input: whether time may be virtual; then what happens, a byte for the kind and one for the connection each.
void session_centre(Bytes bytes) {
  Input input(bytes);
  Game(input).play();
}

}  // namespace cubby::fuzz
