#include "unit/wire/uplink_world.h"

#include <algorithm>

namespace cubby::wire::test {

Status FakeLink::do_connect() {
  if (state_now != hal::LinkState::kDown) {
    return Status::kBusy;
  }
  ++connects;
  up.clear();
  down.clear();
  if (!refuses) {
    state_now = answers_at_once ? hal::LinkState::kUp : hal::LinkState::kConnecting;
  }
  return Status::kOk;
}

Status FakeLink::do_send(Bytes bytes) {
  if (state_now != hal::LinkState::kUp) {
    return Status::kNotSent;
  }
  if (up.size() + bytes.size() > room) {
    ++sends_refused;
    return Status::kBusy;
  }
  if (!deaf) {
    up += bytes_to_string(bytes);
  }
  return Status::kOk;
}

std::size_t FakeLink::do_receive(MutableBytes into) {
  const std::size_t size = std::min(into.size(), down.size());
  std::copy_n(reinterpret_cast<const std::byte*>(down.data()), size, into.begin());
  down.erase(0, size);
  return size;
}

void FakeLink::do_close() {
  if (state_now != hal::LinkState::kDown) {
    ++closes;
  }
  state_now = hal::LinkState::kDown;
  down.clear();
}

FakeEvents::FakeEvents(std::uint8_t uid_byte) {
  uid_.fill(std::byte{uid_byte});
}

void FakeEvents::append(std::string payload) {
  const std::uint64_t seq = next_seq();
  const Chain chain_after = chain_next(chain(seq - 1), seq, as_bytes(payload));
  events_.push_back({.payload = std::move(payload), .chain = chain_after});
}

void FakeEvents::append_many(std::size_t count, std::size_t size) {
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = "event " + std::to_string(next_seq());
    text.resize(size, '.');
    append(text);
  }
}

std::uint64_t FakeEvents::oldest_seq(std::uint64_t held) const {
  const std::uint64_t wanted = std::max(oldest_, held + 1);
  return wanted >= lost_from && wanted <= lost_to ? lost_to + 1 : oldest_;
}

Status FakeEvents::give_up_from(std::uint64_t seq) {
  ++given_up;
  if (seq != unreadable || stuck) {
    return stuck ? Status::kNoSpace : Status::kNotFound;
  }
  lost_from = seq;
  lost_to = seq + 1;
  unreadable = 0;
  return Status::kOk;
}

Result<std::size_t> FakeEvents::read_event(std::uint64_t seq, MutableBytes into, Chain& chain_after) const {
  ++reads;
  if (seq < oldest_ || seq >= next_seq() || (seq >= lost_from && seq <= lost_to)) {
    return Status::kNotFound;
  }
  if (unreadable != 0 && (seq == unreadable || seq == unreadable + 1)) {
    return Status::kCorrupt;
  }
  const Stored& stored = events_[seq - 1];
  if (into.size() < stored.payload.size()) {
    return Status::kNoSpace;
  }
  const Bytes bytes = as_bytes(stored.payload);
  std::copy(bytes.begin(), bytes.end(), into.begin());
  chain_after = stored.chain;
  return bytes.size();
}

std::optional<Chain> FakeEvents::chain_at(std::uint64_t seq) const {
  if (mark.has_value() && mark->seq == seq) {
    return mark->chain;
  }
  const bool is_behind = unreadable != 0 && seq == unreadable;
  if (seq + 1 < oldest_ || seq >= next_seq() || is_behind || (seq >= lost_from && seq < lost_to)) {
    return std::nullopt;
  }
  return chain(seq);
}

Status FakeEvents::acknowledge(const UplinkMark& new_mark) {
  if (mark_is_rotten) {
    return Status::kCorrupt;
  }
  const std::optional<Chain> own = chain_at(new_mark.seq);
  if (!trusting && (!own.has_value() || *own != new_mark.chain)) {
    return Status::kBadInput;
  }
  mark = new_mark;
  acknowledged.push_back(new_mark);
  return Status::kOk;
}

Status FakeRandom::do_fill(MutableBytes into) {
  if (broken) {
    return Status::kIo;
  }
  for (std::byte& byte : into) {
    byte = static_cast<std::byte>(prng_.next());
  }
  return Status::kOk;
}

void FakeListener::on_gap() {
  ++gaps;
  if (snapshot_into != nullptr) {
    snapshot_into->append("snapshot");
  }
}

void FakeTrace::on_uplink(std::uint8_t from, std::uint8_t to) {
  EXPECT_NE(from, to);
  states.push_back(static_cast<UplinkState>(to));
}

std::string bytes_to_string(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string frame_of(const cubby::v1::Down& message, std::uint32_t channel) {
  std::string text;
  EXPECT_TRUE(message.SerializeToString(&text));
  std::array<std::byte, kFrameHeaderMax> head;
  const std::size_t size = encode_frame_header(channel, text.size(), head);
  return bytes_to_string(Bytes(head).first(size)) + text;
}

std::vector<cubby::v1::Up> take_frames(std::string& stream) {
  std::vector<cubby::v1::Up> frames;
  for (;;) {
    const FrameParse parse = parse_frame(as_bytes(stream), limits::kFrameUpMax);
    EXPECT_NE(parse.kind, FrameParse::Kind::kError);
    if (parse.kind != FrameParse::Kind::kFrame) {
      return frames;
    }
    EXPECT_EQ(parse.frame.channel, 1U);
    cubby::v1::Up up;
    EXPECT_TRUE(up.ParseFromArray(parse.frame.message.data(), static_cast<int>(parse.frame.message.size())));
    EXPECT_NE(up.body_case(), cubby::v1::Up::BODY_NOT_SET);
    frames.push_back(std::move(up));
    stream.erase(0, parse.consumed);
  }
}

World::World(const WorldOptions& options)
    : random(options.seed), uplink(link, events, random, listener, &trace), polls_(options.polls) {
  key.fill(std::byte{0x5A});
  uplink.start({.station = kStation,
                .key = key,
                .key_version = 1,
                .config_version = 4,
                .config_hash = {},
                .announce_new_journal = options.announce_new_journal},
               options.policy, now);
  wake = uplink.tick(now);
}

void World::tick() {
  wake = uplink.tick(now);
}

void World::advance(Duration duration) {
  const Instant end = now + duration;
  for (int ticks = 0; ticks < 100'000; ++ticks) {
    const Instant next = polls_ ? wake.earliest() : wake.deadline;
    if (next > end) {
      now = end;
      tick();
      return;
    }
    ASSERT_GT(next, now) << "A deadline that has passed would be asked for for ever.";
    now = next;
    tick();
  }
  FAIL() << "The uplink does not come to rest.";
}

void World::say(const cubby::v1::Down& message) {
  link.down += frame_of(message);
  tick();
}

cubby::v1::Down World::challenge() const {
  cubby::v1::Down down;
  down.mutable_challenge()->set_nonce(std::string(16, 'c'));
  down.mutable_challenge()->set_key_version(1);
  return down;
}

cubby::v1::Down World::welcome(std::uint64_t high_water, std::uint32_t window) const {
  cubby::v1::Down down;
  cubby::v1::Welcome& welcome = *down.mutable_welcome();
  welcome.set_session(1);
  welcome.set_store_uid(std::string(16, 's'));
  welcome.set_generation(generation);
  welcome.set_high_water(high_water);
  welcome.set_high_water_chain(high_water < events.next_seq() ? events.chain(high_water) : 1);
  welcome.set_window(window);
  welcome.set_utc_ms(1'780'000'000'000);
  welcome.set_frame_size_max(limits::kFrameUpMax);
  welcome.set_batch_events_max(limits::kBatchEventsMax);
  return down;
}

cubby::v1::Down World::ack(std::uint64_t seq, std::uint32_t window) const {
  cubby::v1::Down down;
  cubby::v1::Ack& ack = *down.mutable_ack();
  ack.set_journal_uid(bytes_to_string(events.uid()));
  ack.set_durable_seq(seq);
  ack.set_chain(events.chain(seq));
  ack.set_window(window);
  return down;
}

cubby::v1::Down World::refuse(cubby::v1::RefuseCode code, bool permanent) const {
  cubby::v1::Down down;
  down.mutable_refuse()->set_code(code);
  down.mutable_refuse()->set_permanent(permanent);
  return down;
}

cubby::v1::Down World::pause(std::uint32_t retry_after_s) const {
  cubby::v1::Down down;
  down.mutable_pause()->set_retry_after_s(retry_after_s);
  return down;
}

void World::connect() {
  const int before = link.connects;
  while (link.connects == before) {
    ASSERT_LT(wake.deadline, Instant::max());
    now = wake.deadline;
    tick();
  }
}

void World::open_session(std::uint64_t high_water, std::uint32_t window) {
  connect();
  ASSERT_EQ(uplink.state(), UplinkState::kHello);
  say(challenge());
  ASSERT_EQ(uplink.state(), UplinkState::kProof);
  ASSERT_EQ(take().size(), 2U);
  say(welcome(high_water, window));
}

std::vector<std::uint64_t> events_in(const std::vector<cubby::v1::Up>& frames, const FakeEvents& events) {
  std::vector<std::uint64_t> seqs;
  for (const cubby::v1::Up& up : frames) {
    EXPECT_TRUE(up.has_batch()) << up.ShortDebugString();
    EXPECT_EQ(up.batch().journal_uid(), bytes_to_string(events.uid()));
    EXPECT_EQ(up.batch().previous_chain(), events.chain(up.batch().first_seq() - 1));
    std::uint64_t seq = up.batch().first_seq();
    for (const std::string& payload : up.batch().events()) {
      EXPECT_EQ(payload, events.payload(seq));
      seqs.push_back(seq++);
    }
  }
  return seqs;
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> seqs;
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    seqs.push_back(seq);
  }
  return seqs;
}

}  // namespace cubby::wire::test
