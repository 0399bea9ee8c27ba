#include "tools/aggregator/core/connection_protocol.h"

#include <algorithm>
#include <utility>

#include "firmware/base/assert.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/names.h"
#include "firmware/wire/framing/field_reader.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint32_t kProtocolVersion = 1;
// Bounds of proto/cubby/v1/uplink.options that no type below has.
constexpr int kCapabilitiesMax = 4;
constexpr std::uint32_t kAlertCompartmentMax = 255;

template <std::size_t Size>
bool copy_exactly(const std::string& from, std::array<std::byte, Size>& to) {
  if (from.size() != Size) {
    return false;
  }
  const Bytes bytes = as_bytes(from);
  std::copy(bytes.begin(), bytes.end(), to.begin());
  return true;
}

std::string to_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Message>
bool parse(Bytes body, Message& message) {
  return message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

bool is_absent_or(const std::string& field, std::size_t size) {
  return field.empty() || field.size() == size;
}

bool is_well_formed(Bytes body, v1::Hello& hello) {
  return parse(body, hello) && is_station_name(hello.station()) && hello.next_seq() != 0 &&
         hello.next_seq() <= kSeqMax && hello.oldest_seq() <= hello.next_seq() &&
         is_absent_or(hello.config_hash(), limits::kConfigHashSize) &&
         is_absent_or(hello.last_ack().store_uid(), sizeof(StoreUid)) &&
         hello.key_version() <= limits::kKeyVersionMax && hello.capabilities_size() <= kCapabilitiesMax;
}

void append_frame(std::vector<std::byte>& to, std::uint32_t channel, Bytes message) {
  std::array<std::byte, wire::kFrameHeaderMax> header;
  const std::size_t header_size = wire::encode_frame_header(channel, message.size(), header);
  to.insert(to.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(header_size));
  to.insert(to.end(), message.begin(), message.end());
}

}  // namespace

ConnectionProtocol::ConnectionProtocol(Centre& centre, ConnectionOwner& owner, Options options)
    : centre_(centre), owner_(owner), options_(options) {}

ConnectionProtocol::~ConnectionProtocol() {
  centre_.forget(*this);
  for (auto& [number, channel] : channels_) {
    end_session(channel);
  }
}

ConnectionProtocol::Verdict ConnectionProtocol::close(std::string reason) {
  close_reason_ = std::move(reason);
  return Verdict::kClose;
}

// Whoever has proven nothing yet must not make us keep much. At full speed a whole fleet says Hello at once.
bool ConnectionProtocol::has_room() const {
  return channels_.size() < kChannelsMax && (virtual_ || channels_.size() - streaming_ < kUnprovenMax);
}

// Of frames that belong to no session; an answer to each is work, and whoever is nobody yet may come back at once.
bool ConnectionProtocol::has_patience(std::size_t frame_bytes) {
  if (!has_welcomed_ && ++frames_before_welcome_ > kFramesBeforeWelcomeMax) {
    return false;
  }
  return outside_.charge(centre_.options().budget, frame_bytes, utc_ms_) != Budget::Answer::kClose;
}

// The session of a station ends here, unless a newer one has taken over already.
void ConnectionProtocol::end_session(Channel& channel) {
  if (channel.state == State::kStreaming) {
    --centre_.counters().live_sessions;
    --streaming_;
    StationRecord& station = *channel.station;
    const auto mine = channels_.find(station.channel);
    if (station.owner == this && mine != channels_.end() && &mine->second == &channel) {
      station.owner = nullptr;
      if (PresenceSink* const presence = centre_.options().presence) {
        presence->went(station.name, utc_ms_);
      }
    }
  }
  channel = {};
}

// Which message of Up a frame holds; 0: none, or one that a newer side may send. Fields that are not known are passed
// over. False: malformed, or more than one.
bool ConnectionProtocol::find_kind(Bytes message, std::uint32_t& kind, Bytes& body) {
  static_assert(v1::Up::kHello == 1);
  wire::FieldReader reader(message);
  while (reader.next()) {
    if (reader.number() > kNewestKind) {
      continue;
    }
    if (kind != 0 || reader.wire() != wire::FieldReader::Wire::kBytes) {
      return false;
    }
    kind = reader.number();
    body = reader.bytes();
  }
  return !reader.malformed();
}

ConnectionProtocol::Verdict ConnectionProtocol::on_frame(const wire::Frame& frame, std::uint64_t utc_ms) {
  ++centre_.counters().frames;
  if (!virtual_) {
    utc_ms_ = utc_ms;
  }
  std::uint32_t kind = 0;
  Bytes body;
  const bool well_formed = find_kind(frame.message, kind, body);
  has_frame_ = true;
  if (frame.channel == 0) {
    return kind == v1::Up::kVirtualTime && well_formed ? on_virtual_time(body)
                                                       : close("channel 0 is for VirtualTime only");
  }
  auto found = channels_.find(frame.channel);
  const bool in_session =
      found != channels_.end() && found->second.state == State::kStreaming && kind != v1::Up::kHello;
  if (!in_session && !virtual_ && !has_patience(frame.message.size())) {
    return close("too much that belongs to no session");
  }
  if (well_formed && kind == 0 && !in_session) {
    return Verdict::kGoOn;  // Of a newer side.
  }
  if (well_formed && kind == v1::Up::kHello) {
    if (found == channels_.end() && !has_room()) {
      return close("too many channels");
    }
    on_hello(frame.channel, body);
    return Verdict::kGoOn;
  }
  if (found == channels_.end()) {
    if (!has_room()) {
      return close("too many channels");
    }
    channels_.try_emplace(frame.channel);
    refuse(frame.channel, v1::REFUSE_CODE_PROTOCOL, false, "Hello comes first");
    return Verdict::kGoOn;
  }
  Channel& channel = found->second;
  if (channel.state == State::kEnded) {
    return Verdict::kGoOn;  // Was on its way when the session was refused; an answer would hit the next one.
  }
  centre_.mark_time(utc_ms_);
  if (!well_formed) {
    refuse(frame.channel, v1::REFUSE_CODE_PROTOCOL, false, "malformed message");
    return Verdict::kGoOn;
  }
  if (channel.state == State::kChallenged) {
    if (kind == v1::Up::kProof) {
      on_proof(frame.channel, channel, body);
    } else {
      refuse(frame.channel, v1::REFUSE_CODE_PROTOCOL, false, "Proof was awaited");
    }
    return Verdict::kGoOn;
  }
  return on_session_frame(frame.channel, channel, kind, kind == 0 ? frame.message : body);
}

ConnectionProtocol::Verdict ConnectionProtocol::on_session_frame(std::uint32_t number, Channel& channel,
                                                                 std::uint32_t kind, Bytes body) {
  if (virtual_ && utc_ms_ < std::exchange(channel.newest_ms, utc_ms_)) {
    return close("virtual time went back");
  }
  switch (channel.station->budget.charge(centre_.options().budget, body.size(), utc_ms_)) {
    case Budget::Answer::kGoOn:
      break;
    case Budget::Answer::kPause:
      pause(number, *channel.station);
      break;
    case Budget::Answer::kClose:
      refuse(number, v1::REFUSE_CODE_LIMIT, false, "over its budget, and did not pause");
      return close("a station is over its budget and did not pause");
  }
  channel.station->session_spoke = true;
  switch (kind) {
    case v1::Up::kBatch:
      on_batch(number, channel, body);
      break;
    case v1::Up::kGap:
      on_gap(number, channel, body);
      break;
    case v1::Up::kPing:
      on_ping(number, channel, body);
      break;
    case v1::Up::kDiverged:
      on_diverged(number, channel, body);
      break;
    case v1::Up::kAlert:
      on_alert(number, body);
      break;
    case v1::Up::kProof:
    case v1::Up::kVirtualTime:
      refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "right message, wrong state");
      break;
    default:
      break;  // Of a newer side.
  }
  return Verdict::kGoOn;
}

ConnectionProtocol::Verdict ConnectionProtocol::on_virtual_time(Bytes message) {
  v1::VirtualTime time;
  if (!parse(message, time)) {
    return close("VirtualTime does not parse");
  }
  if (!options_.allow_virtual_time) {
    return close("virtual time is for loopback connections, or needs --allow-virtual-time");
  }
  if (!virtual_ && !channels_.empty()) {
    return close("VirtualTime must come before the first Hello");
  }
  virtual_ = true;
  utc_ms_ = time.utc_ms();
  if (!time.barrier()) {
    return Verdict::kGoOn;
  }
  down_.mutable_virtual_time()->CopyFrom(time);
  send(0, down_);
  barrier_ = waits_;
  has_barriers_ = true;
  return Verdict::kGoOn;
}

void ConnectionProtocol::on_hello(std::uint32_t number, Bytes body) {
  Channel& channel = channels_[number];
  end_session(channel);
  v1::Hello hello;
  if (body.size() > kHelloBytesMax) {
    return refuse(number, v1::REFUSE_CODE_LIMIT, false, "Hello is too long");
  }
  if (!is_well_formed(body, hello) || !copy_exactly(hello.journal_uid(), channel.journal_uid) ||
      !copy_exactly(hello.nonce(), channel.station_nonce)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Hello is malformed");
  }
  if (peer_.has_value() && !peer_->may_speak_for(hello.station())) {
    ++centre_.counters().other_stations;
    return refuse(number, v1::REFUSE_CODE_UNKNOWN_STATION, false, "the certificate does not name this station");
  }
  if (hello.protocol() != kProtocolVersion) {
    return refuse(number, v1::REFUSE_CODE_VERSION, true, "this centre speaks protocol 1");
  }
  channel.key_version = hello.key_version() == 0 ? 1 : hello.key_version();
  if (!centre_.options().fleet_keys.has(channel.key_version)) {
    return refuse(number, v1::REFUSE_CODE_KEY_VERSION, false, "no station keys of that version are known here");
  }
  channel.state = State::kChallenged;
  channel.name = hello.station();
  channel.next_seq = hello.next_seq();
  channel.previous_session = hello.previous_session();
  channel.has_last_ack = hello.has_last_ack();
  channel.last_ack_seq = hello.last_ack().seq();
  channel.last_ack_chain = hello.last_ack().chain();
  channel.last_ack_generation = std::ranges::equal(as_bytes(hello.last_ack().store_uid()), centre_.options().store_uid)
                                    ? hello.last_ack().generation()
                                    : 0;
  const auto has = [&hello](v1::Capability capability) {
    return std::find(hello.capabilities().begin(), hello.capabilities().end(), capability) !=
           hello.capabilities().end();
  };
  channel.announces_new_journal = has(v1::CAPABILITY_NEW_JOURNAL);
  channel.takes_commands = has(v1::CAPABILITY_COMMANDS);
  centre_.options().fill_random(channel.nonce);
  v1::Challenge& challenge = *down_.mutable_challenge();
  challenge.set_nonce(to_text(channel.nonce));
  challenge.set_key_version(channel.key_version);
  send(number, down_);
}

void ConnectionProtocol::on_proof(std::uint32_t number, Channel& channel, Bytes body) {
  v1::Proof proof;
  if (body.size() > kHelloBytesMax || !parse(body, proof) || proof.mac().size() != sizeof(Sha256Digest)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Proof is malformed");
  }
  const auto key = centre_.options().fleet_keys.station_key(channel.name, channel.key_version);
  CUBBY_ASSERT(key.has_value());  // Else there was no Challenge.
  const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), channel.nonce, channel.station_nonce,
                                   channel.journal_uid, as_bytes(channel.name)};
  const Sha256Digest expected = hmac_sha256(*key, parts);
  if (!equal_constant_time(as_bytes(proof.mac()), expected)) {
    return refuse(number, v1::REFUSE_CODE_BAD_PROOF, false, "wrong station key");
  }
  channel.station = centre_.find(channel.name);
  if (channel.station != nullptr && channel.key_version < channel.station->identity.key_version_min) {
    return refuse(number, v1::REFUSE_CODE_KEY_VERSION, false, "older keys are not taken any more");
  }
  if (!admit(number, channel) || !adopt_journal(number, channel)) {
    return;
  }
  if (channel.station->budget.is_over(utc_ms_)) {
    pause(number, *channel.station);  // A new session does not make a new budget.
    end_session(channel);
    return;
  }
  if (fits_mark(number, channel) && is_alone(number, channel)) {
    notice_forgotten_ack(channel);
    welcome(number, channel);
  }
}

void ConnectionProtocol::welcome(std::uint32_t number, Channel& channel) {
  StationRecord& station = *channel.station;
  fence_older(station);
  station.owner = this;
  station.channel = number;
  station.session = centre_.next_session();
  centre_.note_key(station, channel.key_version);
  centre_.bind(station, holder(), utc_ms_);
  station.session_spoke = false;
  channel.state = State::kStreaming;
  has_welcomed_ = true;
  ++centre_.counters().sessions;
  ++centre_.counters().live_sessions;
  ++streaming_;
  if (PresenceSink* const presence = centre_.options().presence) {
    presence->came(station.name, utc_ms_);
  }
  promise(station);
  const CentreOptions& options = centre_.options();
  v1::Welcome& welcome = *down_.mutable_welcome();
  welcome.set_session(station.session);
  welcome.set_store_uid(to_text(options.store_uid));
  welcome.set_generation(options.generation);
  welcome.set_high_water(station.journal.seq);
  welcome.set_high_water_chain(station.journal.chain);
  welcome.set_window(options.window);
  welcome.set_utc_ms(utc_ms_);
  welcome.set_frame_size_max(limits::kFrameUpMax);
  welcome.set_batch_events_max(limits::kBatchEventsMax);
  send(number, down_);
}

void ConnectionProtocol::on_batch(std::uint32_t number, Channel& channel, Bytes body) {
  BatchView batch;
  switch (read_batch(body, batch)) {
    case BatchError::kNone:
      break;
    case BatchError::kMalformed:
      return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Batch is malformed");
    case BatchError::kTooManyEvents:
      return refuse(number, v1::REFUSE_CODE_LIMIT, false, "too many events in a Batch");
    case BatchError::kEventTooLong:
      return refuse(number, v1::REFUSE_CODE_LIMIT, false, "an event is too long");
  }
  if (batch.journal_uid != channel.station->journal.uid) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Batch of another journal than Hello's");
  }
  answer(number, channel, centre_.apply(*channel.station, batch));
}

void ConnectionProtocol::on_gap(std::uint32_t number, Channel& channel, Bytes body) {
  v1::Gap gap;
  if (body.size() > kHelloBytesMax || !parse(body, gap)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Gap is malformed");
  }
  const JournalUid& uid = channel.station->journal.uid;
  if (!std::ranges::equal(as_bytes(gap.journal_uid()), uid)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Gap of another journal than Hello's");
  }
  answer(number, channel,
         centre_.apply(*channel.station, {.from_seq = gap.from_seq(),
                                          .to_seq = gap.to_seq(),
                                          .cause = static_cast<std::uint32_t>(gap.cause()),
                                          .new_chain = gap.new_chain(),
                                          .received_utc_ms = utc_ms_}));
}

void ConnectionProtocol::on_ping(std::uint32_t number, Channel& channel, Bytes body) {
  v1::Ping ping;
  if (!parse(body, ping)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Ping is malformed");
  }
  ack(number, *channel.station);
}

// A hint; never counted, and nobody listens to hints yet.
void ConnectionProtocol::on_alert(std::uint32_t number, Bytes body) {
  v1::Alert alert;
  if (!parse(body, alert) || alert.compartment() > kAlertCompartmentMax) {
    refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Alert is malformed");
  }
}

// The station has found out by itself what we could not see from its Hello.
void ConnectionProtocol::on_diverged(std::uint32_t number, Channel& channel, Bytes body) {
  v1::Diverged diverged;
  StationRecord& station = *channel.station;
  if (body.size() > kHelloBytesMax || !parse(body, diverged) ||
      !std::ranges::equal(as_bytes(diverged.journal_uid()), station.journal.uid)) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Diverged is malformed");
  }
  const auto reason = centre_.contradiction(station, diverged.seq(), diverged.chain());
  if (!reason) {
    return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Diverged contradicts nothing");
  }
  conflict(number, station, *reason, "another history than the store's");
}

void ConnectionProtocol::answer(std::uint32_t number, Channel& channel, Centre::Applied applied) {
  switch (applied) {
    case Centre::Applied::kNew:
    case Centre::Applied::kDuplicate:
      return ack(number, *channel.station);
    case Centre::Applied::kSequence:
      return refuse(number, v1::REFUSE_CODE_SEQUENCE, false, "begins after the mark, or too far before it");
    case Centre::Applied::kConflict:
      return conflict(number, *channel.station, QuarantineReason::kChain, "another chain than the store's");
    case Centre::Applied::kMalformed:
      return refuse(number, v1::REFUSE_CODE_PROTOCOL, false, "Gap is malformed");
  }
}

void ConnectionProtocol::refuse(std::uint32_t number, v1::RefuseCode code, bool permanent, const char* detail) {
  ++centre_.counters().refusals;
  if (LiveStatus* const live = centre_.options().live) {
    ++live->refusals_by_code[static_cast<std::size_t>(code) % LiveStatus::kRefuseCodes];
  }
  v1::Refuse& refuse = *down_.mutable_refuse();
  refuse.set_code(code);
  refuse.set_permanent(permanent);
  refuse.set_detail(detail);
  send(number, down_);
  end_session(channels_[number]);
}

void ConnectionProtocol::pause(std::uint32_t number, const StationRecord& station) {
  ++centre_.counters().pauses;
  down_.mutable_pause()->set_retry_after_s(station.budget.wait_s(utc_ms_));
  send(number, down_);
}

// Written by hand: there is one for every batch.
void ConnectionProtocol::ack(std::uint32_t number, const StationRecord& station) {
  promise(station);
  const JournalRecord& journal = station.journal;
  std::array<std::byte, 64> message;
  std::size_t size = 2;  // Room for the outer tag and length.
  message[size++] = std::byte{0x0A};
  message[size++] = std::byte{sizeof(JournalUid)};
  std::copy(journal.uid.begin(), journal.uid.end(), message.begin() + static_cast<std::ptrdiff_t>(size));
  size += sizeof(JournalUid);
  if (journal.seq != 0) {
    message[size++] = std::byte{0x10};
    size += wire::encode_varint(journal.seq, message.data() + size);
  }
  message[size++] = std::byte{0x19};
  store_le<std::uint64_t>(MutableBytes(message).subspan(size, 8), journal.chain);
  size += 8;
  message[size++] = std::byte{0x20};
  size += wire::encode_varint(centre_.options().window, message.data() + size);
  message[0] = std::byte{v1::Down::kAck << 3 | 2};
  message[1] = static_cast<std::byte>(size - 2);
  append_frame(sink(), number, Bytes(message).first(size));
}

// What is said about this station must be durable first: its mark, and in Welcome whom it is bound to.
void ConnectionProtocol::promise(const StationRecord& station) {
  if (!waits_ && (station.journal_dirty || station.station_dirty)) {
    waits_ = true;
    centre_.wait_for_commit(*this);
  }
}

void ConnectionProtocol::send(std::uint32_t number, const v1::Down& down) {
  std::array<std::byte, limits::kFrameDownMax> message;
  const std::size_t size = down.ByteSizeLong();
  CUBBY_ASSERT(size <= message.size());
  down.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(message.data()));
  append_frame(sink(), number, Bytes(message).first(size));
}

CommandSink::Sent ConnectionProtocol::send_command(std::uint32_t channel, const v1::Command& command,
                                                   std::uint64_t utc_ms, std::uint64_t life_ms) {
  if (has_barriers_) {
    return CommandSink::Sent::kNotLive;
  }
  if (const auto found = channels_.find(channel); found == channels_.end() || !found->second.takes_commands) {
    return CommandSink::Sent::kTakesNone;
  }
  *down_.mutable_command() = command;
  down_.mutable_command()->set_expires_utc_ms((virtual_ ? utc_ms_ : utc_ms) + life_ms);
  send(channel, down_);
  owner_.on_output();
  return CommandSink::Sent::kSent;
}

void ConnectionProtocol::on_commit() {
  waits_ = false;
  barrier_ = false;
  ready_.insert(ready_.end(), held_.begin(), held_.end());
  held_.clear();
  owner_.on_output();
}

}  // namespace cubby::aggregator
