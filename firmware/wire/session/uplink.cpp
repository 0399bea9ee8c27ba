#include "firmware/wire/session/uplink.h"

#include <algorithm>

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"
#include "firmware/wire/codec/uplink_codec.h"
#include "firmware/wire/session/uplink_parts.h"

namespace cubby::wire {
namespace {

constexpr std::uint32_t kProtocol = 1;
constexpr std::uint32_t kFailuresMax = 16;                    // Beyond it the back-off does not grow.
constexpr Duration kStoppedRetry = Duration::hours(1);        // In CONFLICT: has a person helped?
constexpr Duration kPingLate = Duration::seconds(1);          // A ping that was not due in its second is left out.
constexpr Duration kSendRetry = Duration::milliseconds(100);  // The link had no room.
constexpr std::uint32_t kPauseMaxS = 3600;
constexpr std::size_t kFrameOverhead = 128;  // A Batch of one event has less besides it.
static_assert(kFailuresMax < 32 && limits::kBackoffMin.us << kFailuresMax > limits::kBackoffMax.us);

}  // namespace

Uplink::Uplink(hal::NetworkLink& link, EventSource& events, hal::RandomSource& random, UplinkListener& listener,
               TraceSink* trace)
    : link_(link),
      events_(events),
      random_(random),
      listener_(listener),
      trace_(trace),
      parser_(receive_buffer_, limits::kFrameDownMax) {}

void Uplink::start(const UplinkIdentity& identity, const UplinkPolicy& policy, Instant now) {
  identity_ = identity;
  policy_ = policy;
  std::array<std::byte, 8> seed{};
  if (random_.fill(seed) != Status::kOk) {
    seed = {};  // Jitter only; nonces are drawn when they are needed.
  }
  jitter_ = Prng(load_le<std::uint64_t>(seed));
  const std::optional<UplinkMark> mark = events_.last_ack();
  acked_seq_ = mark.has_value() ? mark->seq : 0;
  next_report_ = next_report_after(now);
  // Not at once: a province that gets its power back must not call in the same second.
  next_try_ = now + Duration::microseconds(
                        static_cast<std::int64_t>(jitter_.below(static_cast<std::uint64_t>(limits::kBackoffMin.us))));
  started_ = true;
}

void Uplink::change(std::uint32_t config_version, const std::array<std::byte, limits::kConfigHashSize>& config_hash,
                    const UplinkPolicy& policy, Instant now) {
  identity_.config_version = config_version;
  identity_.config_hash = config_hash;
  policy_ = policy;
  next_report_ = next_report_after(now);
}

void Uplink::enter(UplinkState state) {
  if (trace_ != nullptr && state != state_) {
    trace_->on_uplink(static_cast<std::uint8_t>(state_), static_cast<std::uint8_t>(state));
  }
  state_ = state;
}

Instant Uplink::next_report_after(Instant now) const {
  if (policy_.report_interval.us <= 0) {
    return now;
  }
  const std::int64_t interval = policy_.report_interval.us;
  const std::int64_t past = (now.us - policy_.report_phase.us) / interval * interval + policy_.report_phase.us;
  std::int64_t next = past;
  while (next <= now.us) {
    next += interval;
  }
  return {next};
}

void Uplink::disconnect() {
  link_.close();
  parser_.reset();
  unsent_ = {};
  answer_by_ = Instant::max();
  ping_answer_by_ = Instant::max();
}

void Uplink::fail(Instant now, Duration at_least) {
  disconnect();
  // Jitter over the whole span from the least back-off to a bound that doubles: stations that lost
  // their centre in one moment do not come back in one moment.
  failures_ = std::min(failures_ + 1, kFailuresMax);
  const std::int64_t least = std::max(limits::kBackoffMin.us, at_least.us);
  const std::int64_t bound = std::min(limits::kBackoffMax.us, limits::kBackoffMin.us << failures_);
  const std::int64_t span = std::max(bound - least, std::min(least, limits::kBackoffMax.us));
  const auto jitter = static_cast<std::int64_t>(jitter_.below(static_cast<std::uint64_t>(span)));
  next_try_ = now + Duration::microseconds(least + jitter);
  enter(UplinkState::kOffline);
}

void Uplink::schedule_look(Instant now) {
  failures_ = kFailuresMax;
  const auto jitter = static_cast<std::int64_t>(jitter_.below(static_cast<std::uint64_t>(limits::kBackoffMax.us)));
  next_try_ = now + kStoppedRetry + Duration::microseconds(jitter);
}

void Uplink::stop(Instant now) {
  disconnect();
  schedule_look(now);
  enter(UplinkState::kConflict);
}

void Uplink::await_answer(Instant now) {
  if (answer_by_ == Instant::max()) {
    answer_by_ = now + policy_.response_deadline;
  }
}

void Uplink::heard_or_told(Instant now) {
  next_ping_ = now + limits::kPingInterval;
  ping_answer_by_ = Instant::max();
}

void Uplink::transmit(Bytes frame, Instant now) {
  const Status status = link_.send(frame);
  if (status == Status::kBusy) {
    unsent_ = frame;  // It counts as sent; exchange() puts it through before anything else.
    return;
  }
  if (status != Status::kOk) {
    fail(now);
  }
}

// Encodes into transmit_, so nothing may be waiting there.
void Uplink::send(const cubby_v1_Up& up, Instant now) {
  if (!unsent_.empty()) {
    fail(now);  // The centre answered what it cannot have seen.
    return;
  }
  const Result<std::size_t> size = encode_up_frame(up, transmit_);
  CUBBY_ASSERT(size.ok());
  transmit(Bytes(transmit_).first(size.value()), now);
}

void Uplink::open_link(Instant now) {
  if (link_.connect() != Status::kOk) {
    fail(now);
    return;
  }
  answer_by_ = now + policy_.response_deadline;
  enter(UplinkState::kConnect);
}

void Uplink::await_link(Instant now) {
  switch (link_.state()) {
    case hal::LinkState::kUp:
      send_hello(now);
      return;
    case hal::LinkState::kDown:
      fail(now);
      return;
    case hal::LinkState::kConnecting:
      if (now >= answer_by_) {
        fail(now);
      }
      return;
  }
}

void Uplink::send_hello(Instant now) {
  if (random_.fill(nonce_) != Status::kOk) {
    fail(now);
    return;
  }
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  up.which_body = cubby_v1_Up_hello_tag;
  cubby_v1_Hello& hello = up.body.hello;
  hello = cubby_v1_Hello_init_zero;
  hello.protocol = kProtocol;
  CUBBY_ASSERT(identity_.station.size() < sizeof(hello.station));
  std::copy(identity_.station.begin(), identity_.station.end(), hello.station);
  copy_to(hello.journal_uid, events_.uid());
  hello.boot = events_.boot();
  const std::optional<UplinkMark> mark = events_.last_ack();
  hello.oldest_seq = events_.oldest_seq(mark.has_value() ? mark->seq : 0);
  hello.next_seq = events_.next_seq();
  if (mark.has_value()) {
    hello.has_last_ack = true;
    hello.last_ack.seq = mark->seq;
    hello.last_ack.chain = mark->chain;
    copy_to(hello.last_ack.store_uid, mark->store_uid);
    hello.last_ack.generation = mark->generation;
  }
  hello.config_version = identity_.config_version;
  copy_to(hello.config_hash, identity_.config_hash);
  if (identity_.announce_new_journal) {
    hello.capabilities[hello.capabilities_count++] = cubby_v1_Capability_CAPABILITY_NEW_JOURNAL;
  }
  hello.capabilities[hello.capabilities_count++] = cubby_v1_Capability_CAPABILITY_COMMANDS;
  copy_to(hello.nonce, nonce_);
  hello.previous_session = session_;
  hello.key_version = identity_.key_version == 1 ? 0 : identity_.key_version;  // Absent: 1.
  answer_by_ = now + policy_.response_deadline;
  enter(UplinkState::kHello);
  send(up, now);
}

void Uplink::on_challenge(const cubby_v1_Challenge& challenge, Instant now) {
  if (state_ != UplinkState::kHello || challenge.key_version != identity_.key_version) {
    fail(now);
    return;
  }
  const Nonce nonce = copy_from(challenge.nonce);
  const JournalUid uid = events_.uid();
  const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), nonce, nonce_, uid, as_bytes(identity_.station)};
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  up.which_body = cubby_v1_Up_proof_tag;
  copy_to(up.body.proof.mac, hmac_sha256(identity_.key, parts));
  answer_by_ = now + policy_.response_deadline;
  enter(UplinkState::kProof);
  proof_sent_ = now;
  send(up, now);
}

void Uplink::on_welcome(const cubby_v1_Welcome& welcome, Instant now) {
  if (state_ != UplinkState::kProof || !unsent_.empty() || welcome.generation == 0 || welcome.window == 0 ||
      welcome.batch_events_max == 0 || welcome.frame_size_max < limits::kEventBytesMax + kFrameOverhead) {
    fail(now);
    return;
  }
  answer_by_ = Instant::max();
  store_uid_ = copy_from(welcome.store_uid);
  generation_ = welcome.generation;
  session_ = welcome.session;
  window_ = std::min(welcome.window, limits::kWindowMax);
  batch_events_max_ = std::min<std::uint32_t>(welcome.batch_events_max, limits::kBatchEventsMax);
  frame_size_max_ = welcome.frame_size_max;
  failures_ = 0;
  heard_or_told(now);
  enter(UplinkState::kStream);
  listener_.on_centre_time(welcome.utc_ms, now - proof_sent_);
  if (sync(welcome, now)) {
    report_target_ = events_.next_seq() - 1;  // A new session tells all that is there.
  }
}

void Uplink::on_ack(const cubby_v1_Ack& ack, Instant now) {
  if (state_ != UplinkState::kStream && state_ != UplinkState::kPaused) {
    fail(now);
    return;
  }
  if (copy_from(ack.journal_uid) != events_.uid()) {
    stop(now);  // Not of this conversation.
    return;
  }
  if (ack.durable_seq >= events_.next_seq()) {
    contradict(events_.next_seq() - 1, now);  // It confirms what never was: not our history.
    return;
  }
  window_ = std::clamp<std::uint32_t>(ack.window, 1, limits::kWindowMax);
  heard_or_told(now);
  if (ack.durable_seq > acked_seq_) {
    // The chain is verified before anything is given up.
    const std::optional<Chain> own = ack.durable_seq == sent_seq_ ? sent_chain_ : events_.chain_at(ack.durable_seq);
    if (!own.has_value()) {
      fail(now);  // Trimmed while we were talking; SYNC books it.
      return;
    }
    const UplinkMark mark{
        .seq = ack.durable_seq, .chain = ack.chain, .store_uid = store_uid_, .generation = generation_};
    const Status status = *own == ack.chain ? events_.acknowledge(mark) : Status::kBadInput;
    if (status == Status::kBadInput) {
      contradict(ack.durable_seq, now);
      return;
    }
    if (status == Status::kCorrupt) {
      fail(now);  // It read well when it was sent; SYNC passes it.
      return;
    }
    acked_seq_ = ack.durable_seq;
    if (acked_seq_ > sent_seq_) {  // What an older session of ours had sent was committed late.
      sent_seq_ = acked_seq_;
      sent_chain_ = *own;
    }
  }
  answer_by_ = Instant::max();
  if (sent_seq_ > acked_seq_) {
    await_answer(now);
  }
}

void Uplink::on_pause(const cubby_v1_Pause& pause, Instant now) {
  const Duration wait = Duration::seconds(std::min(pause.retry_after_s, kPauseMaxS));
  if (state_ != UplinkState::kStream && state_ != UplinkState::kPaused) {
    fail(now, wait);  // No session yet that could be paused: come back later.
    return;
  }
  paused_until_ = now + wait;
  if (answer_by_ != Instant::max()) {
    answer_by_ = paused_until_ + policy_.response_deadline;
  }
  ping_answer_by_ = Instant::max();
  enter(UplinkState::kPaused);
}

void Uplink::on_refuse(const cubby_v1_Refuse& refuse, Instant now) {
  if (refuse.permanent) {
    stop(now);
    return;
  }
  switch (number_in(refuse.code)) {
    case cubby_v1_RefuseCode_REFUSE_CODE_SEQUENCE:
    case cubby_v1_RefuseCode_REFUSE_CODE_FENCED:
    case cubby_v1_RefuseCode_REFUSE_CODE_UNAVAILABLE:
      fail(now);
      return;
    default:  // Also codes of a later protocol.
      fail(now, kSlowRetry);
      return;
  }
}

void Uplink::handle(Bytes message, Instant now) {
  cubby_v1_Down down;
  if (decode_down(message, down) != Status::kOk) {
    fail(now);
    return;
  }
  switch (down.which_body) {
    case cubby_v1_Down_challenge_tag:
      on_challenge(down.body.challenge, now);
      return;
    case cubby_v1_Down_welcome_tag:
      on_welcome(down.body.welcome, now);
      return;
    case cubby_v1_Down_ack_tag:
      on_ack(down.body.ack, now);
      return;
    case cubby_v1_Down_pause_tag:
      on_pause(down.body.pause, now);
      return;
    case cubby_v1_Down_command_tag:
      if (state_ != UplinkState::kStream && state_ != UplinkState::kPaused) {
        fail(now);
        return;
      }
      listener_.on_command(down.body.command, down.body.command.which_body == cubby_v1_Command_configure_tag
                                                  ? find_rules(message)
                                                  : Bytes{});
      return;
    case cubby_v1_Down_refuse_tag:
      on_refuse(down.body.refuse, now);
      return;
    default:
      return;  // A later protocol's message, or time for an emulator: nothing for a station.
  }
}

// Reads whatever the state of the link: the last frame before the far side closed says why.
void Uplink::receive(Instant now) {
  for (;;) {
    const std::size_t size = link_.receive(parser_.space());
    if (size == 0) {
      return;
    }
    parser_.commit(size);
    for (FrameParse parse = parser_.peek(); parse.kind != FrameParse::Kind::kNeedMore; parse = parser_.peek()) {
      if (parse.kind == FrameParse::Kind::kError) {
        fail(now);
        return;
      }
      if (parse.frame.channel == kOwnChannel) {
        handle(parse.frame.message, now);
      }
      if (!in_session()) {
        return;  // Closed while handling; the parser was reset.
      }
      parser_.pop(parse.consumed);
    }
  }
}

// False: nothing was sent, and nothing can be for now.
bool Uplink::send_batch(Instant now) {
  BatchWriter writer(MutableBytes(transmit_).first(std::min<std::size_t>(transmit_.size(), frame_size_max_)));
  std::uint64_t seq = sent_seq_;
  Chain chain = sent_chain_;
  while (seq < report_target_ && writer.events() < batch_events_max_ && seq - acked_seq_ < window_) {
    const MutableBytes space = writer.space(1);
    if (space.empty()) {
      break;
    }
    Chain next_chain = 0;
    const Result<std::size_t> size = events_.read_event(seq + 1, space, next_chain);
    if (!size.ok()) {
      if (writer.events() > 0) {
        break;  // No room for it, or the next call meets the error as its first.
      }
      if (sent_seq_ == acked_seq_) {
        pass_missing(seq + 1, size.status(), now);
      }
      return false;  // What is under way before it is acknowledged first: hanging up would throw it away.
    }
    unreadable_ = unreadable_ == seq + 1 ? 0 : unreadable_;
    writer.commit(size.value());
    ++seq;
    chain = next_chain;
  }
  const Bytes frame = writer.finish(events_.uid(), sent_seq_ + 1, sent_chain_);
  sent_seq_ = seq;
  sent_chain_ = chain;
  heard_or_told(now);
  await_answer(now);
  transmit(frame, now);
  return true;
}

void Uplink::stream(Instant now) {
  if (policy_.report_interval.us <= 0) {
    report_target_ = events_.next_seq() - 1;
  } else if (now >= next_report_) {
    report_target_ = events_.next_seq() - 1;
    next_report_ = next_report_after(now);
  }
  while (state_ == UplinkState::kStream && unsent_.empty() && sent_seq_ < report_target_ &&
         sent_seq_ - acked_seq_ < window_ && send_batch(now)) {
  }
}

// Pings stand on a grid that begins with the last exchange, so that leaving them all out changes nothing.
void Uplink::ping(Instant now) {
  if (now < next_ping_) {
    return;
  }
  const std::int64_t slots_late = (now - next_ping_).us / limits::kPingInterval.us;
  const Instant slot = next_ping_ + limits::kPingInterval * slots_late;
  next_ping_ = slot + limits::kPingInterval;
  if (now - slot >= kPingLate || answer_by_ != Instant::max() || !unsent_.empty()) {
    return;
  }
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  up.which_body = cubby_v1_Up_ping_tag;
  if (ping_answer_by_ == Instant::max()) {
    ping_answer_by_ = now + policy_.response_deadline;
  }
  send(up, now);
}

void Uplink::flush() {
  report_target_ = events_.next_seq() - 1;
}

// One step of an open session.
void Uplink::exchange(Instant now) {
  if (link_.state() != hal::LinkState::kUp || now >= answer_by_ || now >= ping_answer_by_) {
    fail(now);
    return;
  }
  if (!unsent_.empty()) {
    const Bytes frame = unsent_;
    unsent_ = {};
    transmit(frame, now);
  }
  if (state_ == UplinkState::kPaused && now >= paused_until_) {
    enter(UplinkState::kStream);
  }
  if (state_ == UplinkState::kStream) {
    stream(now);
  }
  if (state_ == UplinkState::kStream) {
    ping(now);
  }
}

Instant Uplink::ping_due() const {
  return state_ == UplinkState::kStream ? std::min(next_ping_, ping_answer_by_) : Instant::max();
}

Wake Uplink::next_wake(Instant now) const {
  Wake wake;
  switch (state_) {
    case UplinkState::kOffline:
    case UplinkState::kConflict:
      wake.need(next_try_);
      wake.need(answer_by_);  // Of a farewell; otherwise there is none.
      return wake;
    case UplinkState::kPaused:
      wake.need(paused_until_);
      break;
    case UplinkState::kStream:
      // Only what waits for its report: more that is due waits for an answer or for room in the link.
      if (policy_.report_interval.us > 0 && events_.next_seq() - 1 > report_target_) {
        wake.need(next_report_);
      }
      wake.look(ping_due());
      break;
    case UplinkState::kConnect:
    case UplinkState::kHello:
    case UplinkState::kProof:
      break;
  }
  wake.need(answer_by_);
  if (!unsent_.empty()) {
    wake.need(now + kSendRetry);
  }
  return wake;
}

Wake Uplink::tick(Instant now) {
  if (!started_) {
    return {};
  }
  if (state_ == UplinkState::kConflict && answer_by_ != Instant::max()) {
    await_farewell(now);
  }
  if (state_ == UplinkState::kOffline || state_ == UplinkState::kConflict) {
    if (now < next_try_) {
      return next_wake(now);
    }
    open_link(now);
  }
  if (state_ == UplinkState::kConnect) {
    await_link(now);
  }
  if (in_session()) {
    receive(now);
  }
  if (in_session()) {
    exchange(now);
  }
  return next_wake(now);
}

}  // namespace cubby::wire
