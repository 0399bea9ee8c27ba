#include "emulator/people/people.h"

#include <algorithm>

#include "emulator/people/demand.h"
#include "emulator/people/distributions.h"
#include "firmware/base/parcel_number.h"

namespace cubby::emulator {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr Duration kSpeakAtDoor = Duration::seconds(3);

Instant at_day(std::int64_t local_day, std::int64_t utc_offset_min, std::int64_t start_utc_ms) {
  const std::int64_t utc_ms = local_day * kDayMs - utc_offset_min * 60'000;
  return {(utc_ms - start_utc_ms) * 1000};
}

}  // namespace

People::People(Premises& premises, const Profile& profile, const PeopleOptions& options, const hal::KeyStore& keys,
               const Prng& prng)
    : premises_(premises),
      profile_(profile),
      options_(options),
      keys_(keys),
      demand_(prng.child("demand")),
      behaviour_(prng.child("behaviour")),
      in_door_(options.compartments, kNoParcel),
      sent_(options.compartments),
      uses_(options.compartments),
      ledger_(options.compartments),
      next_number_(options.first_parcel) {}

void People::start() {
  if (options_.demand) {
    const std::int64_t local_ms = options_.start_utc_ms + profile_.utc_offset_min * 60'000;
    plan_day(static_cast<std::uint64_t>(local_ms / kDayMs));
  }
}

void People::plan_day(std::uint64_t day) {
  const auto local_day = static_cast<std::int64_t>(day);
  const Instant midnight = at_day(local_day, profile_.utc_offset_min, options_.start_utc_ms);
  const double factor = day_factor(profile_, local_day);
  switch (profile_.arrivals) {
    case Arrivals::kRounds:
      plan_rounds(midnight, factor);
      break;
    case Arrivals::kPoisson:
      plan_single_parcels(midnight, factor);
      break;
  }
  const Instant tomorrow = midnight + Duration::hours(24);
  premises_.schedule(tomorrow, static_cast<std::uint8_t>(PeopleTimer::kPlanDay), 0, day + 1);
}

// Every brand comes in all rounds, as often as its share of the day's parcels needs.
void People::plan_rounds(Instant midnight, double factor) {
  double weights = 0;
  for (std::size_t i = 0; i < options_.brands.size(); ++i) {
    weights += 1.0 / static_cast<double>(i + 1);
  }
  const double burst_mean = (profile_.burst_min + profile_.burst_max) / 2.0;
  const double parcels = static_cast<double>(options_.parcels_per_day_milli) / 1000.0 * factor;
  for (std::size_t i = 0; i < options_.brands.size(); ++i) {
    const double share = 1.0 / static_cast<double>(i + 1) / weights;
    const double visits = parcels * share / static_cast<double>(profile_.rounds.size()) / burst_mean;
    for (const ProfileRound& round : profile_.rounds) {
      schedule_round(options_.brands[i], visits, midnight + Duration::hours(round.from_h),
                     Duration::hours(round.to_h - round.from_h));
    }
  }
}

// A Poisson process has no memory: it may begin anew each midnight.
void People::plan_single_parcels(Instant midnight, double factor) {
  if (factor == 0) {
    return;
  }
  const Instant tomorrow = midnight + Duration::hours(24);
  Instant at = std::max(midnight, premises_.now()) + draw_arrival_gap(demand_, profile_, factor);
  while (at < tomorrow) {
    const std::uint64_t brand = options_.brands[demand_.below(options_.brands.size())];
    premises_.schedule(at, static_cast<std::uint8_t>(PeopleTimer::kCourierArrives), 0, brand << 16 | 1);
    at = at + draw_arrival_gap(demand_, profile_, factor);
  }
}

void People::schedule_round(std::uint8_t brand, double visits, Instant begin, Duration length) {
  auto count = static_cast<std::uint32_t>(visits);
  const auto rest_per_million = static_cast<std::uint32_t>((visits - count) * 1e6);
  count += demand_.chance(rest_per_million) ? 1 : 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Instant at =
        begin + Duration::microseconds(static_cast<std::int64_t>(demand_.below(static_cast<std::uint64_t>(length.us))));
    const std::uint64_t parcels = profile_.burst_min + demand_.below(profile_.burst_max - profile_.burst_min + 1);
    if (at >= premises_.now()) {
      premises_.schedule(at, static_cast<std::uint8_t>(PeopleTimer::kCourierArrives), 0,
                         std::uint64_t{brand} << 16 | parcels);
    }
  }
}

std::uint32_t People::new_parcel(std::string_view carrier, std::uint8_t size, std::string_view number) {
  std::uint32_t index = 0;
  if (free_parcels_.empty()) {
    index = static_cast<std::uint32_t>(parcels_.size());
    parcels_.emplace_back();
  } else {
    index = free_parcels_.back();
    free_parcels_.pop_back();
  }
  Parcel& parcel = parcels_[index];
  const std::uint32_t generation = parcel.generation + 1;
  parcel = Parcel{};
  parcel.generation = generation;
  parcel.state = ParcelState::kCarried;
  parcel.carrier.assign(carrier);
  parcel.size = size;
  if (!number.empty()) {
    parcel.number.assign(number);
    return index;
  }
  // A registered item after UPU S10, as most of the post's parcels carry: RB, and RC and so on when its numbers are
  // used up.
  constexpr std::uint64_t kSerials = 100'000'000;
  const char series = static_cast<char>('A' + (1 + next_number_ / kSerials) % 26);
  std::array<char, 13> text{'R', series, '0', '0', '0', '0', '0', '0', '0', '0', '0', 'C', 'N'};
  const auto serial = static_cast<std::uint32_t>(next_number_++ % kSerials);
  std::uint32_t rest = serial;
  for (std::size_t i = 9; i >= 2; --i) {
    text[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  text[10] = s10_check_digit({text.data() + 2, 8});
  parcel.number.assign({text.data(), text.size()});
  return index;
}

std::uint32_t People::draw_parcel(std::string_view carrier) {
  std::uint64_t pick = demand_.below(1'000'000);
  std::uint8_t size = 1;
  while (size < 4 && pick >= profile_.size_per_million[size - 1U]) {
    pick -= profile_.size_per_million[size - 1U];
    ++size;
  }
  const std::uint32_t index = new_parcel(carrier, size, {});
  parcels_[index].dwell = draw_dwell(demand_, profile_);
  return index;
}

void People::drop_parcel(std::uint32_t index) {
  parcels_[index].state = ParcelState::kFree;
  free_parcels_.push_back(index);
}

std::uint64_t People::handle(std::uint32_t index) const {
  return std::uint64_t{parcels_[index].generation} << 32 | index;
}

std::uint32_t People::from_handle(std::uint64_t handle) const {
  const auto index = static_cast<std::uint32_t>(handle);
  return parcels_[index].generation == handle >> 32 ? index : kNoParcel;
}

// When the recipient comes: not before being told.
Instant People::collection_time(const Parcel& parcel) const {
  const std::int64_t local_us =
      (options_.start_utc_ms + profile_.utc_offset_min * std::int64_t{60'000}) * 1000 + parcel.stored_at.us;
  return std::max(parcel.stored_at + until_collection(profile_, local_us, parcel.dwell),
                  premises_.now() + Duration::seconds(profile_.notice_reaction_s));
}

void People::on_deposited(std::uint64_t seq, const CodeSource& code, std::uint8_t compartment,
                          std::string_view parcel) {
  PendingNotice notice{.seq = seq, .code = code, .compartment = compartment, .parcel = {}};
  notice.parcel.assign(parcel);
  pending_.push_back(notice);
}

void People::on_reissued(std::uint64_t seq, const CodeSource& code, std::uint8_t compartment) {
  if (const std::uint32_t index = in_door_[compartment - 1U]; index != kNoParcel) {
    on_deposited(seq, code, compartment, parcels_[index].number.view());
  }
}

void People::learn_code(const Parcel& parcel, Visitor& visitor) {
  visitor.code.assign(parcel.code.text());
  visitor.second = second_of(parcel);
}

SecondInput People::second_of(const Parcel& parcel) {
  return parcel.code.size == limits::kShortCodeDigits ? second_input(parcel.number.view()) : SecondInput{};
}

void People::on_delivered(std::uint64_t seq) {
  while (pending_first_ < pending_.size() && pending_[pending_first_].seq <= seq) {
    const PendingNotice notice = pending_[pending_first_++];
    const std::uint32_t index = in_door_[notice.compartment - 1U];
    if (index == kNoParcel || !(parcels_[index].number == notice.parcel)) {
      continue;  // It is gone already.
    }
    Parcel& parcel = parcels_[index];
    const auto key = keys_.station_key(notice.code.key_version);
    if (!key.ok()) {
      continue;  // So many keys ago that the station does not know this code either.
    }
    parcel.told = true;
    parcel.code = pickup_code(key.value(), notice.code.counter, notice.code.digits);
    if (ErrandResult* errand = open_result(parcel.ticket)) {
      errand->has_code = true;
      errand->code = parcel.code;
      errand->second = second_of(parcel);
    }
    if (parcel.somebody_comes) {
      premises_.schedule(collection_time(parcel), static_cast<std::uint8_t>(PeopleTimer::kRecipientArrives), 0,
                         handle(index));
    }
  }
  if (pending_first_ == pending_.size()) {
    pending_.clear();
    pending_first_ = 0;
  }
}

ErrandResult* People::open_result(std::uint64_t ticket) {
  if (ticket == 0) {
    return nullptr;
  }
  for (ErrandResult& errand : results_) {
    if (errand.ticket == ticket) {
      return &errand;
    }
  }
  return nullptr;
}

const ErrandResult* People::result(std::uint64_t ticket) const {
  for (const ErrandResult& errand : results_) {
    if (errand.ticket == ticket) {
      return &errand;
    }
  }
  return nullptr;
}

Duration People::door_time(bool deposit) {
  if (behaviour_.chance(profile_.left_open_per_million)) {
    return seconds(log_uniform(behaviour_, profile_.left_open_min_s, profile_.left_open_max_s));
  }
  const double median_s = (deposit ? profile_.open_deposit_median_ms : profile_.open_pickup_median_ms) / 1000.0;
  return seconds(lognormal(behaviour_, exact_log(median_s), profile_.open_sigma_micro / 1e6));
}

void People::on_door_opened(std::uint8_t door) {
  ++ledger_[door].door_openings;
  if (at_panel_.role == Role::kHand) {
    hand_opens(door);
    return;
  }
  const bool waiting = at_panel_.step == Step::kWaitDoor || at_panel_.step == Step::kRecall;
  if (at_panel_.role == Role::kNobody || !waiting) {
    uses_[door] = {};
    premises_.schedule(premises_.now() + Duration::seconds(5), static_cast<std::uint8_t>(PeopleTimer::kShutDoor), door,
                       0);
    return;  // A passer-by shuts it.
  }
  DoorUse use;
  use.parcel = at_panel_.parcel;
  if (at_panel_.step == Step::kRecall) {
    use.purpose = Errand::kRecall;
  } else if (at_panel_.role == Role::kTechnician) {
    use.purpose = Errand::kService;
  } else {
    use.purpose = at_panel_.role == Role::kCourier  ? Errand::kDeposit
                  : at_panel_.role == Role::kSender ? Errand::kDropOff
                                                    : Errand::kCollect;
  }
  uses_[door] = use;
  at_panel_.door = static_cast<std::uint8_t>(door + 1);
  if (at_panel_.step == Step::kWaitDoor) {
    at_panel_.step = Step::kDoorOpen;
  }
  wait_for_panel();
  premises_.schedule(premises_.now() + door_time(carries() && use.purpose != Errand::kRecall),
                     static_cast<std::uint8_t>(PeopleTimer::kShutDoor), door, 0);
}

// The person puts in or takes out and pushes the door shut: the moment that the ledger records.
void People::person_shuts(std::uint8_t door) {
  if (speaks_first(door)) {
    return;
  }
  const DoorUse use = uses_[door];
  uses_[door] = {};
  premises_.shut(door);
  premises_.trace(std::uint64_t{door} << 8 | static_cast<std::uint64_t>(use.purpose));
  if (use.called_off != CalledOff::kNo) {
    end_called_off(door, use);
    return;
  }
  switch (use.purpose) {
    case Errand::kDeposit:
    case Errand::kDropOff:
      book_in(door, use.purpose);
      ++ledger_[door].truth[index_of(use.purpose == Errand::kDeposit ? Use::kDeposit : Use::kDropOff)];
      in_door_[door] = use.parcel;
      premises_.item_moved(door, true);
      parcels_[use.parcel].state = ParcelState::kStored;
      parcels_[use.parcel].door = static_cast<std::uint8_t>(door + 1);
      parcels_[use.parcel].stored_at = premises_.now();
      break;
    case Errand::kCollect:
    case Errand::kRecall:
      take_out(door, use.purpose);
      break;
    case Errand::kService:
      break;
    case Errand::kRefuse:
    case Errand::kNone:
      return;
  }
  if (at_panel_.role != Role::kNobody && at_panel_.door == door + 1 && at_panel_.step == Step::kDoorOpen) {
    at_panel_.step = Step::kWaitVerdict;
    if (carries()) {
      at_panel_.parcel = kNoParcel;
    }
    wait_for_panel();
  }
}

// A perfect controller believes from now on that it holds the parcel of that errand.
void People::book_in(std::uint8_t door, Errand purpose) {
  const bool sent = purpose == Errand::kDropOff;
  ++ledger_[door].observable[index_of(sent ? Use::kDropOff : Use::kDeposit)];
  sent_[door] = sent ? 1 : 0;
}

void People::take_out(std::uint8_t door, Errand purpose) {
  const std::uint32_t inside = in_door_[door];
  ++ledger_[door].observable[index_of(taken_as(purpose, sent_[door] != 0))];
  if (at_panel_.door == door + 1) {
    ++at_panel_.taken;
  }
  if (inside != kNoParcel) {
    ++ledger_[door].truth[index_of(taken_as(purpose, parcels_[inside].from_sender))];
    in_door_[door] = kNoParcel;
    premises_.item_moved(door, false);
    drop_parcel(inside);
  }
}

// True: the person at the open door still has something to tell the panel, and shuts the door after that.
bool People::speaks_first(std::uint8_t door) {
  const bool here = at_panel_.role != Role::kNobody && at_panel_.door == door + 1 && at_panel_.step == Step::kDoorOpen;
  if (!here || at_panel_.key_at_door == 0 || at_panel_.key_pressed) {
    return false;
  }
  at_panel_.key_pressed = true;
  uses_[door].called_off = CalledOff::kPressed;
  premises_.press(at_panel_.key_at_door);
  premises_.schedule(premises_.now() + kSpeakAtDoor, static_cast<std::uint8_t>(PeopleTimer::kShutDoor), door, 0);
  return true;
}

// The door was opened for nothing. If the panel did not confirm that it had heard so, nobody can hold the
// station to it: the ledger then has what it would have to believe, and that it may have heard after all.
void People::end_called_off(std::uint8_t door, const DoorUse& use) {
  LedgerRow& row = ledger_[door];
  const bool collection = use.purpose == Errand::kCollect;
  row.truth[index_of(Use::kRefusal)] += collection ? 1 : 0;
  if (use.called_off == CalledOff::kHeard) {
    row.observable[index_of(Use::kRefusal)] += collection ? 1 : 0;
  } else {
    row.unsure += use.called_off == CalledOff::kPressed ? 1 : 0;
    if (collection) {
      ++row.observable[index_of(Use::kCollection)];
    } else {
      book_in(door, use.purpose);
    }
  }
  if (at_panel_.role == Role::kNobody || at_panel_.door != door + 1) {
    return;  // They had turned to go.
  }
  const bool another_door = at_panel_.key_at_door != '*' && !collection;
  if (another_door) {
    parcels_[at_panel_.parcel].size = static_cast<std::uint8_t>(kSizeKeys.find(at_panel_.key_at_door) + 1);
    at_panel_.door = 0;
  }
  at_panel_.step = another_door ? Step::kWaitDoor : Step::kWaitVerdict;
  at_panel_.key_at_door = 0;
  at_panel_.key_pressed = false;
  wait_for_panel();
}

void People::on_timer(PeopleTimer timer, std::uint8_t door, std::uint64_t argument) {
  switch (timer) {
    case PeopleTimer::kPlanDay:
      plan_day(argument);
      return;
    case PeopleTimer::kCourierArrives: {
      Visitor courier;
      courier.role = Role::kCourier;
      courier.recalls = profile_.recall;
      courier.parcels_left = static_cast<std::uint32_t>(argument & 0xFFFF);
      courier.carrier.assign(profile_.carriers[argument >> 16]);
      enqueue(courier);
      return;
    }
    case PeopleTimer::kRecipientArrives: {
      const std::uint32_t index = from_handle(argument);
      if (index == kNoParcel || parcels_[index].state != ParcelState::kStored) {
        return;  // Somebody else took it, or its courier took it back.
      }
      Visitor recipient;
      recipient.role = Role::kRecipient;
      recipient.parcel = index;
      recipient.mistypes = behaviour_.chance(profile_.mistype_per_million);
      if (profile_.refusal_per_million != 0 && behaviour_.chance(profile_.refusal_per_million)) {
        recipient.key_at_door = 'N';
      }
      learn_code(parcels_[index], recipient);
      enqueue(recipient);
      return;
    }
    case PeopleTimer::kStep:
      if (argument == (visit_ << 16 | (step_ & 0xFFFF))) {
        do_step();
      }
      return;
    case PeopleTimer::kGiveUp:
      if (argument != (visit_ << 16 | (step_ & 0xFFFF))) {
        return;
      }
      if (at_panel_.in_the_dark) {
        leave_the_dark();
      } else {
        if (ErrandResult* errand = open_result(at_panel_.ticket)) {
          errand->gave_up = errand->compartment == 0;
        }
        leave();
      }
      return;
    case PeopleTimer::kShutDoor:
      person_shuts(door);
      return;
  }
}

void People::save(BlobWriter& writer) const {
  writer.value(demand_.state());
  writer.value(behaviour_.state());
  writer.values(parcels_);
  writer.values(free_parcels_);
  writer.values(in_door_);
  writer.values(sent_);
  writer.values(uses_);
  writer.values(ledger_);
  writer.values(
      std::vector<PendingNotice>(pending_.begin() + static_cast<std::ptrdiff_t>(pending_first_), pending_.end()));
  writer.values(queue_);
  writer.value(at_panel_);
  writer.value(visit_);
  writer.value(step_);
  writer.value(sender_session_);
  writer.value(hand_);
  writer.value(next_number_);
  writer.value(passes_);
  writer.value(counters_);
}

void People::load(BlobReader& reader) {
  Prng::State state;
  reader.value(state);
  demand_.restore(state);
  reader.value(state);
  behaviour_.restore(state);
  reader.values(parcels_);
  reader.values(free_parcels_);
  reader.values(in_door_);
  reader.values(sent_);
  reader.values(uses_);
  reader.values(ledger_);
  reader.values(pending_);
  pending_first_ = 0;
  reader.values(queue_);
  reader.value(at_panel_);
  reader.value(visit_);
  reader.value(step_);
  reader.value(sender_session_);
  reader.value(hand_);
  reader.value(next_number_);
  reader.value(passes_);
  reader.value(counters_);
}

}  // namespace cubby::emulator
