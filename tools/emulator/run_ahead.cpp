#include "tools/emulator/run_ahead.h"

#include <algorithm>

#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"
#include "tools/emulator/report.h"
#include "tools/emulator/shard_exchange.h"

namespace cubby::tools {
namespace {

// While it lives, processor time is added to `seconds`.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds), begin_(thread_cpu_seconds()) {}
  ~Stopwatch() { seconds_ += thread_cpu_seconds() - begin_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  double begin_;
};

}  // namespace

RunAhead::RunAhead(emulator::Fleet& fleet, std::size_t begin, std::size_t end, std::int64_t window_us,
                   std::size_t speakers_max)
    : fleet_(fleet), begin_(begin), window_us_(window_us), speakers_max_(speakers_max), places_(end - begin) {}

bool RunAhead::run(CentreLink& centre, std::int64_t from, std::int64_t to) {
  first_ = from;
  for (Place& place : places_) {
    place.next = std::max(place.next, from);
  }
  for (bool all = false; !all;) {
    if (!centre.connected()) {
      disconnect();
      return false;
    }
    all = true;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!advance(centre, begin_ + i, to)) {
        disconnect();
        return false;
      }
      all = all && places_[i].next == to;
      if (speakers_ >= speakers_max_) {
        close_batch(centre);
      }
    }
    close_batch(centre);
  }
  return true;
}

// Until the station is at the beginning of window `to`, or has to hear what was not even asked yet. False: the
// connection is gone.
bool RunAhead::advance(CentreLink& centre, std::size_t index, std::int64_t to) {
  Place& place = places_[index - begin_];
  while (place.next < to) {
    if (!place.ran) {
      run_window(index, place, to);
      continue;
    }
    if (place.barrier > closed_) {
      return true;
    }
    if (place.barrier != 0 && !hear(centre, index, place)) {
      return false;
    }
    speak(place);
    place.ran = false;
    ++place.next;
  }
  return true;
}

// The next window in which anything happens at the station, unless it has to hear something before.
void RunAhead::run_window(std::size_t index, Place& place, std::int64_t to) {
  if (place.barrier == 0) {
    place.next = std::clamp(window_of(fleet_.next_activity(index)), place.next, to);
  }
  fleet_.run_station(index, end_of(std::min(place.next, to - 1)));
  if (place.next < to) {
    place.connected_now = gather_station(fleet_, index, place.said);
    place.ran = true;
  }
}

void RunAhead::speak(Place& place) {
  if (place.said.empty()) {
    return;
  }
  std::vector<std::byte>& batch = batch_[static_cast<std::size_t>(place.next - first_)];
  batch.insert(batch.end(), place.said.begin(), place.said.end());
  place.said.clear();
  place.barrier = closed_ + 1;
  ++speakers_;
}

bool RunAhead::hear(CentreLink& centre, std::size_t index, Place& place) {
  if (!await(centre, place.barrier)) {
    return false;
  }
  if (!place.answers.empty() && !place.connected_now) {
    fleet_.station(index).link().deliver(place.answers);
  }
  place.answers.clear();
  place.barrier = 0;
  return true;
}

void RunAhead::close_batch(CentreLink& centre) {
  if (speakers_ == 0) {
    return;
  }
  const Stopwatch stopwatch(socket_seconds_);
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (!batch_[i].empty()) {
      const std::int64_t end_ms = end_of(first_ + static_cast<std::int64_t>(i)).ms();
      centre.say(batch_[i], fleet_.start_utc_ms() + static_cast<std::uint64_t>(end_ms));
      batch_[i].clear();
    }
  }
  centre.barrier();
  speakers_ = 0;
  ++closed_;
}

bool RunAhead::await(CentreLink& centre, std::uint64_t barrier) {
  while (answered_ < barrier) {
    const Stopwatch stopwatch(socket_seconds_);
    if (!centre.await(answers_)) {
      return false;
    }
    ++answered_;
    Bytes answers = answers_;
    for (;;) {
      const wire::FrameParse parse = wire::parse_frame(answers, limits::kFrameDownMax);
      if (parse.kind != wire::FrameParse::Kind::kFrame) {
        break;
      }
      const std::size_t station = parse.frame.channel - 1U - begin_;
      if (parse.frame.channel > begin_ && station < places_.size()) {
        append_frame(1, parse.frame.message, places_[station].answers);
      }
      answers = answers.subspan(parse.consumed);
    }
  }
  return true;
}

bool RunAhead::finish(CentreLink& centre, std::vector<std::byte>& answers) {
  if (!await(centre, closed_)) {
    disconnect();
    return false;
  }
  for (std::size_t i = 0; i < places_.size(); ++i) {
    append_with_channel(places_[i].answers, static_cast<std::uint32_t>(begin_ + i + 1), answers);
    places_[i].answers.clear();
    places_[i].barrier = 0;
  }
  return true;
}

bool RunAhead::awaiting() const {
  return std::any_of(places_.begin(), places_.end(), [](const Place& place) { return place.barrier != 0; });
}

// What was said and not answered is lost; the stations will say it again.
void RunAhead::disconnect() {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    emulator::HostLink& link = fleet_.station(begin_ + i).link();
    if (link.is_up()) {
      link.disconnected();
    } else if (link.wants_connection()) {
      link.refused();
    }
    place.next += place.ran ? 1 : 0;
    place.ran = false;
    place.barrier = 0;
    place.said.clear();
    place.answers.clear();
  }
  for (std::vector<std::byte>& said : batch_) {
    said.clear();
  }
  speakers_ = 0;
  answered_ = closed_;
}

}  // namespace cubby::tools
