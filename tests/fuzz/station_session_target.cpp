// A station's uplink and a centre that says anything: good messages, good ones with wrong content, bytes. Whatever it
// hears, the station forgets only what it was promised in its own chain (S6), sends only what its journal has, and
// comes to rest.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cubby/v1/uplink.pb.h"
#include "firmware/wire/session/uplink.h"
#include "fuzz/stories.h"
#include "fuzz/targets.h"

namespace cubby::fuzz {
namespace {

using wire::UplinkState;

constexpr int kStepsMax = 100;
constexpr Duration kTickLeast = Duration::milliseconds(50);  // Half of what a station waits for room in its link.
constexpr std::int64_t kTicksAtOnce = 100;
constexpr std::size_t kEventsMax = 40;

class Link final : public hal::NetworkLink {
 public:
  hal::LinkState state_now = hal::LinkState::kDown;
  std::size_t room = SIZE_MAX;
  std::string up;
  std::string down;

 private:
  Status do_connect() override {
    require(state_now == hal::LinkState::kDown, "a link that is there is not opened again");
    state_now = hal::LinkState::kUp;
    up.clear();
    down.clear();
    return Status::kOk;
  }
  hal::LinkState do_state() const override { return state_now; }
  Status do_send(Bytes bytes) override {
    if (state_now != hal::LinkState::kUp) {
      return Status::kNotSent;
    }
    if (up.size() + bytes.size() > room) {
      return Status::kBusy;
    }
    up += text_of(bytes);
    return Status::kOk;
  }
  std::size_t do_receive(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), down.size());
    std::copy_n(as_bytes(down).begin(), size, into.begin());
    down.erase(0, size);
    return size;
  }
  void do_close() override {
    state_now = hal::LinkState::kDown;
    down.clear();
  }
};

/// Some events of a journal; the oldest are gone from flash once they are acknowledged.
class Events final : public wire::EventSource {
 public:
  Events() {
    uid_.fill(std::byte{0x11});
    chains_.push_back(chain_start(uid_));
  }
  void append(std::size_t size) {
    std::string payload(1 + size % 300, static_cast<char>('a' + events_.size() % 26));
    chains_.push_back(chain_next(chains_.back(), events_.size() + 1, as_bytes(payload)));
    events_.push_back(std::move(payload));
  }
  void trim(std::uint64_t keep) {
    const std::uint64_t acknowledged = mark_.has_value() ? mark_->seq : 0;
    oldest_ = std::max(oldest_, std::min(acknowledged + 1, next_seq() - std::min(keep, next_seq() - 1)));
  }
  const std::string& payload(std::uint64_t seq) const { return events_[seq - 1]; }
  Chain chain(std::uint64_t seq) const { return chains_[seq]; }

  JournalUid uid() const override { return uid_; }
  std::uint32_t boot() const override { return 3; }
  std::uint64_t oldest_seq(std::uint64_t /*held*/) const override { return oldest_; }
  Status give_up_from(std::uint64_t /*seq*/) override { return Status::kNotFound; }
  std::uint64_t next_seq() const override { return events_.size() + 1; }
  Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const override {
    if (seq < oldest_ || seq >= next_seq()) {
      return Status::kNotFound;
    }
    const std::string& payload = events_[seq - 1];
    if (payload.size() > into.size()) {
      return Status::kNoSpace;
    }
    std::copy(as_bytes(payload).begin(), as_bytes(payload).end(), into.begin());
    chain = chains_[seq];
    return payload.size();
  }
  std::optional<Chain> chain_at(std::uint64_t seq) const override {
    if (mark_.has_value() && mark_->seq == seq) {
      return mark_->chain;
    }
    return seq + 1 < oldest_ || seq >= next_seq() ? std::nullopt : std::optional(chains_[seq]);
  }
  std::optional<wire::UplinkMark> last_ack() const override { return mark_; }
  Status acknowledge(const wire::UplinkMark& mark) override {
    if (chain_at(mark.seq) != mark.chain) {
      return Status::kBadInput;
    }
    mark_ = mark;
    return Status::kOk;
  }

 private:
  JournalUid uid_{};
  std::uint64_t oldest_ = 1;
  std::vector<std::string> events_;
  std::vector<Chain> chains_;
  std::optional<wire::UplinkMark> mark_;
};

class Chance final : public hal::RandomSource {
  Status do_fill(MutableBytes into) override {
    for (std::byte& byte : into) {
      byte = static_cast<std::byte>(prng_.next());
    }
    return Status::kOk;
  }
  Prng prng_{1};
};

class Listener final : public wire::UplinkListener {
 public:
  explicit Listener(Events& events) : events_(events) {}
  void on_centre_time(std::uint64_t, Duration) override {}
  void on_command(const cubby_v1_Command& command, Bytes rules) override {
    require(rules.empty() || command.which_body == cubby_v1_Command_configure_tag, "only Configure brings rules");
  }
  void on_gap() override { events_.append(50); }  // The Snapshot.

 private:
  Events& events_;
};

class Game {
 public:
  explicit Game(Input& input)
      : input_(input), listener_(events_), uplink_(link_, events_, chance_, listener_, nullptr) {
    for (unsigned i = input.one_of(12); i > 0; --i) {
      events_.append(input.byte());
    }
    const wire::UplinkPolicy policy{.report_interval = Duration::seconds(input.one_of(3) * 600)};
    uplink_.start({.station = "SX-TY-0007", .key = {}, .config_hash = {}}, policy, now_);
    tick();
  }
  void play() {
    for (int steps = 0; !input_.empty() && steps < kStepsMax; ++steps) {
      step();
      tick();
    }
  }

 private:
  void step() {
    const unsigned choice = input_.byte();
    switch (choice % 8) {
      case 0:
        return advance(Duration::milliseconds(static_cast<std::int64_t>(input_.byte()) << input_.one_of(14)));
      case 1:
        link_.state_now = hal::LinkState::kDown;
        return;
      case 2:
        if (events_.next_seq() < kEventsMax) {
          events_.append(input_.byte());
        }
        return;
      case 3:
        return events_.trim(input_.one_of(8));
      case 4:
        link_.room = input_.flag() ? SIZE_MAX : input_.byte() * std::size_t{16};
        return;
      case 5:
        return hear(text_of(input_.take(input_.byte())));
      case 6: {
        const Bytes bytes = input_.take(input_.byte());
        return hear(framed(text_of(bytes), 1));
      }
      default:
        return say(choice / 8);
    }
  }
  // Nobody hears what nobody is connected to.
  void hear(const std::string& bytes) {
    if (link_.state_now == hal::LinkState::kUp && link_.down.size() < 20'000) {
      link_.down += bytes;
    }
  }
  static std::string framed(const std::string& message, std::uint32_t channel) {
    std::array<std::byte, wire::kFrameHeaderMax> head{};
    const std::size_t size = wire::encode_frame_header(channel, message.size(), head);
    return text_of(Bytes(head).first(size)) + message;
  }
  // A number that is right, a near one, or any.
  std::uint64_t near(std::uint64_t right) {
    const unsigned how = input_.byte();
    return how < 220 ? right : how < 252 ? right + how % 5 - 2 : input_.number();
  }
  std::string bytes_16(char fill) { return std::string(input_.byte() < 230 ? 16 : input_.one_of(40), fill); }
  void say(unsigned kind) {
    v1::Down down;
    const std::uint64_t seq =
        near(events_.next_seq() - 1 - std::min<std::uint64_t>(input_.one_of(6), events_.next_seq() - 1));
    const Chain chain = near(seq < events_.next_seq() ? events_.chain(seq) : 0);
    switch (kind % 8) {
      case 0:
        down.mutable_challenge()->set_nonce(bytes_16('c'));
        down.mutable_challenge()->set_key_version(static_cast<std::uint32_t>(near(1)));
        break;
      case 1:
      case 2: {
        v1::Welcome& welcome = *down.mutable_welcome();
        welcome.set_session(1);
        welcome.set_store_uid(bytes_16('s'));
        welcome.set_generation(near(1));
        welcome.set_high_water(seq);
        welcome.set_high_water_chain(chain);
        welcome.set_window(static_cast<std::uint32_t>(near(10)));
        welcome.set_utc_ms(near(1'780'000'000'000));
        welcome.set_frame_size_max(static_cast<std::uint32_t>(near(limits::kFrameUpMax)));
        welcome.set_batch_events_max(static_cast<std::uint32_t>(near(4)));
        break;
      }
      case 3:
      case 4: {
        v1::Ack& ack = *down.mutable_ack();
        ack.set_journal_uid(input_.byte() < 230 ? text_of(events_.uid()) : bytes_16('j'));
        ack.set_durable_seq(seq);
        ack.set_chain(chain);
        ack.set_window(static_cast<std::uint32_t>(near(10)));
        break;
      }
      case 5:
        down.mutable_pause()->set_retry_after_s(static_cast<std::uint32_t>(near(30)));
        break;
      case 6:
        down.mutable_refuse()->set_code(static_cast<v1::RefuseCode>(input_.one_of(14)));
        down.mutable_refuse()->set_permanent(input_.flag());
        break;
      default:
        down.mutable_command()->set_id(bytes_16('o'));
        down.mutable_command()->set_expires_utc_ms(input_.number());
        down.mutable_command()->mutable_open_door()->set_compartment(input_.byte());
        break;
    }
    hear(framed(down.SerializeAsString(), input_.byte() < 240 ? 1 : input_.byte()));
  }

  void tick() {
    wake_ = uplink_.tick(now_);
    if (const auto mark = events_.last_ack()) {
      require(mark->seq < events_.next_seq() && mark->chain == events_.chain(mark->seq),
              "a mark is a place in the journal's own chain");
    }
    read_what_it_said();
  }
  void advance(Duration duration) {
    const Instant end = now_ + duration;
    const std::int64_t ticks_max = kTicksAtOnce + duration.us / kTickLeast.us;
    for (std::int64_t ticks = 0; wake_.deadline <= end; ++ticks) {
      require(ticks < ticks_max, "a station comes to rest");
      require(wake_.deadline > now_, "a deadline that has passed is not asked for again");
      now_ = wake_.deadline;
      tick();
    }
    now_ = end;
  }

  void read_what_it_said() {
    for (;;) {
      const wire::FrameParse parse = wire::parse_frame(as_bytes(link_.up), limits::kFrameUpMax);
      require(parse.kind != wire::FrameParse::Kind::kError, "a station says frames");
      if (parse.kind != wire::FrameParse::Kind::kFrame) {
        require(link_.up.empty(), "and whole ones");
        return;
      }
      v1::Up up;
      require(up.ParseFromArray(parse.frame.message.data(), static_cast<int>(parse.frame.message.size())) &&
                  up.body_case() != v1::Up::BODY_NOT_SET && parse.frame.channel == 1,
              "of one message each");
      judge(up);
      link_.up.erase(0, parse.consumed);
    }
  }
  void judge(const v1::Up& up) {
    if (up.has_hello()) {
      proven_ = false;
      require(up.hello().next_seq() <= events_.next_seq(), "Hello tells the journal's end, as it was");
    } else if (up.has_proof()) {
      proven_ = true;
      require(up.proof().mac().size() == 32, "a proof has its size");
    } else {
      require(proven_, "nothing but Hello is said before Proof");
    }
    if (up.has_batch()) {
      const v1::Batch& batch = up.batch();
      require(batch.first_seq() >= 1 && batch.events_size() >= 1 && batch.events_size() <= 256 &&
                  batch.first_seq() + static_cast<std::uint64_t>(batch.events_size()) <= events_.next_seq(),
              "a Batch is of events that there are");
      require(batch.previous_chain() == events_.chain(batch.first_seq() - 1), "it follows its journal's chain");
      for (int i = 0; i < batch.events_size(); ++i) {
        require(batch.events(i) == events_.payload(batch.first_seq() + static_cast<std::uint64_t>(i)),
                "and says what stands on flash");
      }
    } else if (up.has_gap()) {
      require(up.gap().from_seq() <= up.gap().to_seq() && up.gap().to_seq() < events_.oldest_seq(0) &&
                  up.gap().new_chain() == events_.chain(up.gap().to_seq()),
              "a Gap is of what is not kept");
    }
  }

  Input& input_;
  Instant now_{};
  Wake wake_;
  Link link_;
  Events events_;
  Chance chance_;
  Listener listener_;
  wire::Uplink uplink_;
  bool proven_ = false;
};

}  // namespace

/// Input: how many events of what sizes there are, when they are reported; then what happens, a byte for the kind each.
void session_station(Bytes bytes) {
  Input input(bytes);
  Game(input).play();
}

}  // namespace cubby::fuzz
