#include "firmware/core/recorder.h"

#include <algorithm>

#include "firmware/wire/codec/event_codec.h"

namespace cubby::core {

void Recorder::start(Instant now) {
  started_ = now;
  now_ = now;
  state_.set_trace(trace_);
  tell_newest();
}

// The boot that wrote it may not have lived to tell.
void Recorder::tell_newest() {
  if (trace_ == nullptr || journal_.next_seq() == 1) {
    return;
  }
  const std::uint64_t seq = journal_.next_seq() - 1;
  Chain chain = 0;
  if (const auto size = journal_.read_event(seq, encoded_, chain); size.ok()) {
    trace_->on_event(seq, Bytes(encoded_).first(size.value()));
  }
}

cubby_v1_Event& Recorder::begin(pb_size_t which_body) {
  event_ = cubby_v1_Event_init_zero;
  event_.boot = journal_.boot();
  event_.uptime_ms = uptime_ms();
  if (const auto utc = clock_.utc_ms(); utc.has_value()) {
    event_.has_wall_ms = true;
    event_.wall_ms = *utc;
  }
  event_.which_body = which_body;
  return event_;
}

Status Recorder::commit() {
  const auto size = wire::encode_event(event_, encoded_);
  CUBBY_ASSERT(size.ok());  // limits.h: every event fits.
  const auto payload = Bytes(encoded_).first(size.value());
  const auto seq = journal_.next_seq();
  CUBBY_TRY(note(journal_.append_event(payload)));
  state_.apply_event(event_);
  if (trace_ != nullptr) {
    trace_->on_event(seq, payload);
  }
  return Status::kOk;
}

template <typename T>
Status Recorder::append_record(RecordKind kind, const T& value) {
  RecordBytes bytes;
  return append(kind, Bytes(bytes).first(encode(value, bytes)));
}
template Status Recorder::append_record(RecordKind, const Intent&);
template Status Recorder::append_record(RecordKind, const Outcome&);
template Status Recorder::append_record(RecordKind, const ThrottleCount&);
template Status Recorder::append_record(RecordKind, const CalledOff&);
template Status Recorder::append_record(RecordKind, const AcceptedCommand&);

Status Recorder::append(RecordKind kind, Bytes payload) {
  CUBBY_TRY(note(journal_.append_internal(static_cast<std::uint8_t>(kind), payload)));
  state_.apply_internal(static_cast<std::uint8_t>(kind), payload);
  return Status::kOk;
}

Status Recorder::note(Status status) {
  if (status == Status::kOk) {
    appended_ = true;
  } else if (status != Status::kNoSpace) {
    healthy_ = false;
  }
  return status;
}

void Recorder::checkpoint_if_due() {
  if ((!appended_ && !journal_.fold_has_hole()) || !healthy_) {
    return;
  }
  appended_ = false;
  if (journal_.checkpoint_due()) {
    // kNoSpace is no harm: recovery takes longer.
    if (const auto status = journal_.write_checkpoint(state_); status != Status::kOk && status != Status::kNoSpace) {
      healthy_ = false;
    }
  }
}

Instant Recorder::instant_of(std::uint64_t on_ms) const {
  const auto base = state_.on_ms(journal_.boot(), 0);
  const auto uptime = on_ms > base ? on_ms - base : 0;
  return std::max(now_, started_ + Duration::milliseconds(static_cast<std::int64_t>(uptime)));
}

}  // namespace cubby::core
