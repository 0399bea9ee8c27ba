#include "bench/ingest_load/workload.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"
#include "firmware/base/digest.h"
#include "firmware/base/prng.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::bench {
namespace {

constexpr std::uint32_t kDoors = 60;
constexpr std::size_t kParcelsInside = 20;
constexpr std::uint64_t kParcelsADay = 46;
constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kStepMs = kDayMs / (2 * kParcelsADay);  // Each parcel is two events.
constexpr std::uint64_t kFirstUtcMs = 1'780'000'000'000;
constexpr std::array<const char*, 8> kCarriers{"sf", "jd", "zto", "yto", "sto", "yunda", "ems", "jt"};
constexpr std::array<const char*, 11> kCities{"Taiyuan",  "Datong",   "Yangquan", "Changzhi", "Jincheng", "Shuozhou",
                                              "Jinzhong", "Yuncheng", "Xinzhou",  "Linfen",   "Luliang"};

/// What happens at one station, event by event.
class Story {
 public:
  Story(const Session& session, std::uint32_t index, Prng prng) : session_(session), index_(index), prng_(prng) {
    for (std::uint32_t door = 1; door <= kDoors; ++door) {
      vacant_.push_back(door);
    }
  }

  const std::string& next() {
    event_.Clear();
    ++told_;
    now_ms_ += told_ <= 3 ? 1 : kStepMs / 2 + prng_.below(kStepMs);
    event_.set_boot(1);
    event_.set_uptime_ms(now_ms_);
    event_.set_wall_ms(kFirstUtcMs + now_ms_);
    if (told_ == 1) {
      event_.mutable_journal_opened()->set_journal_uid(session_.journal_uid.data(), session_.journal_uid.size());
      event_.mutable_journal_opened()->set_firmware("cubby 0.1.0");
    } else if (told_ == 2) {
      configure(*event_.mutable_config_applied()->mutable_config());
    } else if (told_ == 3) {
      event_.mutable_snapshot()->set_states(std::string(kDoors, static_cast<char>(v1::COMPARTMENT_STATE_VACANT)));
    } else if (inside_.size() < kParcelsInside) {
      deposit(*event_.mutable_deposited());
    } else {
      collect(*event_.mutable_collected());
    }
    event_.SerializeToString(&bytes_);
    return bytes_;
  }

 private:
  struct Parcel {
    std::uint32_t door;
    std::uint64_t counter;
    std::uint64_t since_ms;
    const char* carrier;
    v1::Size size;
  };

  void configure(v1::StationConfig& config) const {
    config.set_version(1);
    config.set_station(session_.station);
    config.set_city(kCities[index_ % kCities.size()]);
    config.set_utc_offset_min(480);
    for (std::uint32_t door = 0; door < kDoors; ++door) {
      config.add_door_board(door / 24);
      config.add_door_channel(door % 24);
      config.add_door_size(static_cast<v1::Size>(v1::SIZE_S + door % 3));
      config.add_door_height_cm(30 + 20 * (door % 8));
    }
    for (std::uint32_t address = 1; address <= 3; ++address) {
      v1::BoardConfig& board = *config.add_boards();
      board.set_family(v1::BOARD_FAMILY_P5);
      board.set_address(address);
      board.set_channels(24);
    }
    config.set_retention_h(72);
    config.set_response_deadline_s(90);
    config.set_report_interval_s(3600);
    config.set_code_digits(8);
  }

  void deposit(v1::Deposited& deposited) {
    const std::size_t pick = prng_.below(vacant_.size());
    const Parcel parcel{.door = vacant_[pick],
                        .counter = ++counter_,
                        .since_ms = now_ms_,
                        .carrier = kCarriers[prng_.below(kCarriers.size())],
                        .size = static_cast<v1::Size>(v1::SIZE_S + (vacant_[pick] - 1) % 3)};
    vacant_.erase(vacant_.begin() + static_cast<std::ptrdiff_t>(pick));
    std::array<char, 16> number;
    std::snprintf(number.data(), number.size(), "RB%09lluCN",
                  static_cast<unsigned long long>(prng_.below(1'000'000'000)));
    deposited.set_compartment(parcel.door);
    deposited.set_counter(parcel.counter);
    deposited.set_parcel(number.data());
    deposited.set_carrier(parcel.carrier);
    deposited.set_size(parcel.size);
    deposited.set_attempts(1);
    deposited.set_open_ms(static_cast<std::uint32_t>(5'000 + prng_.below(10'000)));
    inside_.push_back(parcel);
  }

  void collect(v1::Collected& collected) {
    const Parcel parcel = inside_.front();
    inside_.pop_front();
    vacant_.push_back(parcel.door);
    collected.set_compartment(parcel.door);
    collected.set_counter(parcel.counter);
    collected.set_carrier(parcel.carrier);
    collected.set_size(parcel.size);
    collected.set_dwell_ms(now_ms_ - parcel.since_ms);
    collected.set_attempts(1);
    collected.set_open_ms(static_cast<std::uint32_t>(4'000 + prng_.below(8'000)));
  }

  const Session& session_;
  std::uint32_t index_;
  Prng prng_;
  std::vector<std::uint32_t> vacant_;
  std::deque<Parcel> inside_;
  std::uint64_t told_ = 0;
  std::uint64_t now_ms_ = 0;
  std::uint64_t counter_ = 0;
  v1::Event event_;
  std::string bytes_;
};

void append_batch(Session& session, Story& story, std::uint32_t batch, std::string& scratch) {
  v1::Up up;
  v1::Batch& message = *up.mutable_batch();
  message.set_journal_uid(session.journal_uid.data(), session.journal_uid.size());
  message.set_first_seq(session.events + 1);
  message.set_previous_chain(session.chain);
  for (std::uint32_t i = 0; i < batch; ++i) {
    const std::string& event = story.next();
    session.chain = chain_next(session.chain, ++session.events, as_bytes(event));
    message.add_events(event);
  }
  up.SerializeToString(&scratch);
  std::array<std::byte, wire::kFrameHeaderMax> header;
  const std::size_t header_size = wire::encode_frame_header(1, scratch.size(), header);
  session.bytes.insert(session.bytes.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(header_size));
  const Bytes body = as_bytes(scratch);
  session.bytes.insert(session.bytes.end(), body.begin(), body.end());
  session.pieces.push_back({.end = session.bytes.size(), .last_seq = session.events});
}

}  // namespace

Workload make_workload(const WorkloadOptions& options) {
  const Prng prng(7);
  Workload work;
  work.sessions.resize(options.sessions);
  const std::uint64_t round = std::uint64_t{options.batch} * options.sessions;
  const std::uint64_t batches = std::max<std::uint64_t>(1, (options.events + round - 1) / round);
  std::string scratch;
  for (std::uint32_t index = 0; index < options.sessions; ++index) {
    Session& session = work.sessions[index];
    std::array<char, 24> name;
    std::snprintf(name.data(), name.size(), "SX-BN-%05u", index + 1);
    session.station = name.data();
    const std::array<Bytes, 1> seed{as_bytes(session.station)};
    const Sha256Digest digest = sha256(seed);
    std::copy_n(digest.begin(), session.journal_uid.size(), session.journal_uid.begin());
    session.chain = chain_start(session.journal_uid);
    Story story(session, index, prng.child("story", index));
    for (std::uint64_t i = 0; i < batches; ++i) {
      append_batch(session, story, options.batch, scratch);
    }
    work.events += session.events;
    work.bytes += session.bytes.size();
  }
  return work;
}

}  // namespace cubby::bench
