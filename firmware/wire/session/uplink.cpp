#include "firmware/wire/session/uplink.h"

#include <algorithm>

#include "firmware/base/digest.h"
#include "firmware/wire/codec/uplink_codec.h"

namespace cubby::wire {
namespace {

constexpr std::uint32_t kProtocol = 1;
constexpr std::uint32_t kFailuresMax = 16;              // Beyond it the back-off does not grow.
constexpr Duration kStoppedRetry = Duration::hours(1);  // After a refusal for good, in case a person has helped.
constexpr Duration kPingLate = Duration::seconds(1);    // A ping that was not due in its second is left out.

template <std::size_t Size>
void copy_to(pb_byte_t (&to)[Size], const std::array<std::byte, Size>& from) {
  std::copy_n(reinterpret_cast<const pb_byte_t*>(from.data()), Size, to);
}

template <std::size_t Size>
std::array<std::byte, Size> copy_from(const pb_byte_t (&from)[Size]) {
  std::array<std::byte, Size> to;
  std::copy_n(reinterpret_cast<const std::byte*>(from), Size, to.begin());
  return to;
}

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
  next_try_ = now + Duration::microseconds(static_cast<std::int64_t>(jitter_.below(
                        static_cast<std::uint64_t>(limits::kBackoffMin.us))));
  started_ = true;
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

void Uplink::fail(Instant now) {
  link_.close();
  parser_.reset();
  answer_by_ = Instant::max();
  // Full jitter: anywhere between nothing and the doubled bound, but never less than the least back-off.
  failures_ = std::min(failures_ + 1, kFailuresMax);
  const std::int64_t bound =
      std::min(limits::kBackoffMax.us, limits::kBackoffMin.us << std::min<std::uint32_t>(failures_, 20));
  const auto wait = static_cast<std::int64_t>(jitter_.below(static_cast<std::uint64_t>(bound)));
  next_try_ = now + Duration::microseconds(std::max(limits::kBackoffMin.us, wait));
  enter(UplinkState::kOffline);
}

void Uplink::stop(Instant now) {
  fail(now);
  next_try_ = now + kStoppedRetry;
  enter(UplinkState::kConflict);
}

void Uplink::await_answer(Instant now) {
  if (answer_by_ == Instant::max()) {
    answer_by_ = now + policy_.response_deadline;
  }
}

void Uplink::send(const cubby_v1_Up& up, Instant now) {
  const Result<std::size_t> size = encode_up_frame(up, transmit_);
  CUBBY_ASSERT(size.ok());
  if (link_.send(Bytes(transmit_).first(size.value())) != Status::kOk) {
    fail(now);
    return;
  }
  await_answer(now);
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
  std::copy(identity_.station.begin(), identity_.station.end(), hello.station);
  copy_to(hello.journal_uid, events_.uid());
  hello.boot = events_.boot();
  hello.oldest_seq = events_.oldest_seq();
  hello.next_seq = events_.next_seq();
  if (const std::optional<UplinkMark> mark = events_.last_ack()) {
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
  enter(UplinkState::kProof);
  answer_by_ = Instant::max();
  send(up, now);
}

// True: the centre's history is a prefix of ours (a Gap bridges what is no longer kept).
bool Uplink::sync(const cubby_v1_Welcome& welcome, Instant now) {
  if (welcome.high_water >= events_.next_seq()) {
    return false;
  }
  const std::uint64_t oldest = events_.oldest_seq();
  if (welcome.high_water + 1 < oldest) {
    const std::optional<Chain> chain = events_.chain_at(oldest - 1);
    if (!chain.has_value()) {
      return false;
    }
    cubby_v1_Up up = cubby_v1_Up_init_zero;
    up.which_body = cubby_v1_Up_gap_tag;
    copy_to(up.body.gap.journal_uid, events_.uid());
    up.body.gap.from_seq = welcome.high_water + 1;
    up.body.gap.to_seq = oldest - 1;
    up.body.gap.cause = cubby_v1_GapCause_GAP_CAUSE_TRIMMED;
    up.body.gap.new_chain = *chain;
    send(up, now);
    listener_.on_gap();
    acked_seq_ = oldest - 1;
    return true;
  }
  const std::optional<Chain> own = events_.chain_at(welcome.high_water);
  if (!own.has_value() || *own != welcome.high_water_chain) {
    return false;
  }
  acked_seq_ = welcome.high_water;
  const std::optional<UplinkMark> known = events_.last_ack();
  if (welcome.high_water > 0 && (!known.has_value() || known->seq < welcome.high_water)) {
    static_cast<void>(events_.acknowledge(
        {.seq = welcome.high_water, .chain = *own, .store_uid = store_uid_, .generation = generation_}));
  }
  return true;
}

void Uplink::on_welcome(const cubby_v1_Welcome& welcome, Instant now) {
  if (state_ != UplinkState::kProof || welcome.generation == 0 || welcome.window == 0 || welcome.batch_events_max == 0 ||
      welcome.frame_size_max < limits::kEventBytesMax + 128) {
    fail(now);
    return;
  }
  answer_by_ = Instant::max();
  store_uid_ = copy_from(welcome.store_uid);
  generation_ = welcome.generation;
  window_ = std::min(welcome.window, limits::kWindowMax);
  batch_events_max_ = std::min<std::uint32_t>(welcome.batch_events_max, limits::kBatchEventsMax);
  frame_size_max_ = welcome.frame_size_max;
  failures_ = 0;
  enter(UplinkState::kStream);
  listener_.on_centre_time(welcome.utc_ms);
  if (!sync(welcome, now)) {
    stop(now);
    return;
  }
  sent_seq_ = acked_seq_;
  report_target_ = events_.next_seq() - 1;  // A new session tells all that is there.
  next_ping_ = now + limits::kPingInterval;
}

void Uplink::on_ack(const cubby_v1_Ack& ack, Instant now) {
  if (state_ != UplinkState::kStream && state_ != UplinkState::kPaused) {
    fail(now);
    return;
  }
  window_ = std::clamp<std::uint32_t>(ack.window, 1, limits::kWindowMax);
  next_ping_ = now + limits::kPingInterval;
  if (copy_from(ack.journal_uid) != events_.uid() || ack.durable_seq > sent_seq_) {
    stop(now);  // It confirms what was never sent: not our history.
    return;
  }
  if (ack.durable_seq > acked_seq_) {
    // The chain is verified before anything is given up.
    const std::optional<Chain> own = events_.chain_at(ack.durable_seq);
    if (!own.has_value() || *own != ack.chain) {
      stop(now);
      return;
    }
    const Status status = events_.acknowledge(
        {.seq = ack.durable_seq, .chain = ack.chain, .store_uid = store_uid_, .generation = generation_});
    if (status == Status::kBadInput) {
      stop(now);
      return;
    }
    acked_seq_ = ack.durable_seq;
  }
  answer_by_ = Instant::max();
  if (sent_seq_ > acked_seq_) {
    await_answer(now);
  }
}

void Uplink::on_refuse(const cubby_v1_Refuse& refuse, Instant now) {
  if (refuse.permanent) {
    stop(now);
    return;
  }
  fail(now);
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
      if (state_ == UplinkState::kStream || state_ == UplinkState::kPaused) {
        paused_until_ = now + Duration::seconds(std::min<std::uint32_t>(down.body.pause.retry_after_s, 3600));
        enter(UplinkState::kPaused);
      }
      return;
    case cubby_v1_Down_command_tag:
      if (state_ == UplinkState::kStream || state_ == UplinkState::kPaused) {
        listener_.on_command(down.body.command);
      }
      return;
    case cubby_v1_Down_refuse_tag:
      on_refuse(down.body.refuse, now);
      return;
    default:
      return;  // A later protocol's message, or time for an emulator: nothing for a station.
  }
}

void Uplink::receive(Instant now) {
  while (link_.state() == hal::LinkState::kUp) {
    const std::size_t size = link_.receive(parser_.space());
    if (size == 0) {
      return;
    }
    parser_.commit(size);
    for (;;) {
      const FrameParse parse = parser_.peek();
      if (parse.kind == FrameParse::Kind::kNeedMore) {
        break;
      }
      if (parse.kind == FrameParse::Kind::kError) {
        fail(now);
        return;
      }
      if (parse.frame.channel == kOwnChannel) {
        handle(parse.frame.message, now);
      }
      if (state_ == UplinkState::kOffline || state_ == UplinkState::kConflict) {
        return;  // Closed while handling; the parser was reset.
      }
      parser_.pop(parse.consumed);
    }
  }
}

bool Uplink::send_batch(Instant now) {
  const std::uint64_t first = sent_seq_ + 1;
  const std::optional<Chain> previous = events_.chain_at(sent_seq_);
  if (!previous.has_value()) {
    fail(now);  // Trimmed while we were talking; the next Hello says so.
    return false;
  }
  const std::size_t limit = std::min<std::size_t>(transmit_.size(), frame_size_max_);
  BatchWriter writer(MutableBytes(transmit_).first(limit));
  std::uint64_t seq = first;
  while (seq <= report_target_ && writer.events() < batch_events_max_ && seq - acked_seq_ <= window_) {
    const MutableBytes space = writer.space(1);
    if (space.empty()) {
      break;
    }
    Chain chain = 0;
    const Result<std::size_t> size = events_.read_event(seq, space, chain);
    if (!size.ok()) {
      if (size.status() == Status::kNoSpace && writer.events() > 0) {
        break;
      }
      fail(now);  // Unreadable: a Gap is booked when the journal is mounted again.
      return false;
    }
    writer.commit(size.value());
    ++seq;
  }
  if (writer.events() == 0) {
    return false;
  }
  const Status status = link_.send(writer.finish(events_.uid(), first, *previous));
  if (status == Status::kBusy) {
    return false;
  }
  if (status != Status::kOk) {
    fail(now);
    return false;
  }
  sent_seq_ = seq - 1;
  next_ping_ = now + limits::kPingInterval;
  await_answer(now);
  return true;
}

void Uplink::stream(Instant now) {
  const std::uint64_t newest = events_.next_seq() - 1;
  if (policy_.report_interval.us <= 0) {
    report_target_ = newest;
  } else if (now >= next_report_) {
    report_target_ = newest;
    next_report_ = next_report_after(now);
  }
  while (state_ == UplinkState::kStream && sent_seq_ < report_target_ && sent_seq_ - acked_seq_ < window_) {
    if (!send_batch(now)) {
      return;
    }
  }
}

// Pings stand on their own times, so that leaving them all out changes nothing.
void Uplink::ping(Instant now) {
  if (now < next_ping_ || answer_by_ != Instant::max()) {
    return;
  }
  const bool due = now - next_ping_ < kPingLate;
  next_ping_ = now + limits::kPingInterval;
  if (due) {
    cubby_v1_Up up = cubby_v1_Up_init_zero;
    up.which_body = cubby_v1_Up_ping_tag;
    send(up, now);
  }
}

void Uplink::flush() { report_target_ = events_.next_seq() - 1; }

void Uplink::advance(Instant now) {
  switch (state_) {
    case UplinkState::kOffline:
    case UplinkState::kConflict:
      if (now >= next_try_) {
        if (link_.connect() != Status::kOk) {
          fail(now);
          return;
        }
        enter(UplinkState::kConnect);
        answer_by_ = now + policy_.response_deadline;
      }
      return;
    case UplinkState::kConnect:
      if (link_.state() == hal::LinkState::kUp) {
        answer_by_ = Instant::max();
        send_hello(now);
      } else if (link_.state() == hal::LinkState::kDown) {
        fail(now);
      }
      return;
    case UplinkState::kPaused:
      if (now >= paused_until_) {
        enter(UplinkState::kStream);
      }
      return;
    case UplinkState::kHello:
    case UplinkState::kProof:
    case UplinkState::kStream:
      return;
  }
}

Wake Uplink::tick(Instant now) {
  Wake wake;
  if (!started_) {
    return wake;
  }
  advance(now);
  if (state_ >= UplinkState::kHello && state_ != UplinkState::kConflict) {
    receive(now);
    if (state_ >= UplinkState::kHello && state_ != UplinkState::kConflict && link_.state() != hal::LinkState::kUp) {
      fail(now);
    }
  }
  if (answer_by_ <= now) {
    fail(now);
  }
  if (state_ == UplinkState::kStream) {
    stream(now);
  }
  if (state_ == UplinkState::kStream) {
    ping(now);
  }
  wake.need(answer_by_);
  switch (state_) {
    case UplinkState::kOffline:
    case UplinkState::kConflict:
      wake.need(next_try_);
      break;
    case UplinkState::kPaused:
      wake.need(paused_until_);
      break;
    case UplinkState::kStream:
      if (policy_.report_interval.us > 0 && events_.next_seq() - 1 > report_target_) {
        wake.need(next_report_);
      }
      wake.look(next_ping_);
      break;
    case UplinkState::kConnect:
    case UplinkState::kHello:
    case UplinkState::kProof:
      break;
  }
  return wake;
}

}  // namespace cubby::wire
