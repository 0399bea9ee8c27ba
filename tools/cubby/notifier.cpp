#include "tools/cubby/notifier.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <random>

#include "tools/support/durable_file.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::size_t kPageRows = 100;
constexpr std::size_t kPageMax = 16 * 1024 * 1024;  // A batch has at most 16 KiB, and its JSON some times as much.
constexpr std::size_t kHookAnswerMax = 64 * 1024;
constexpr std::chrono::milliseconds kPageTime{15'000};
constexpr std::chrono::milliseconds kPoll{500};
constexpr std::chrono::seconds kAwayLogged{60};  // How often it is said that the aggregator is away.
constexpr std::chrono::seconds kAwayWaitMax{10};
constexpr const char* kAnotherLog =
    ": it is another log, or an older copy went on; see docs/spec/notices.md, \"Another log\"";

std::uint64_t random_number() {
  static std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

std::string seconds_text(std::chrono::milliseconds time) {
  const auto tenths = time.count() / 100;
  return decimal_text(static_cast<double>(tenths) / 10);
}

}  // namespace

Notifier::Notifier(WebLoop& loop, NotifierOptions options)
    : loop_(loop),
      options_(std::move(options)),
      aggregator_(loop, {.host = options_.aggregator.host, .port = options_.aggregator.port}),
      webhook_(loop, {.host = options_.webhook.host,
                      .port = options_.webhook.port,
                      .tls = options_.webhook.tls,
                      .ca_file = options_.ca_file,
                      .cert_file = options_.cert_file,
                      .key_file = options_.key_file}) {}

std::string Notifier::open() {
  if (std::string error = webhook_.load_authorities(); !error.empty()) {
    return "--ca: the authorities cannot be read: " + error;
  }
  if (std::string error = webhook_.load_certificate(); !error.empty()) {
    return "--client-cert, --client-key: they cannot be used: " + error;
  }
  std::string error = file_.open(options_.cursor_file);
  return error.empty() ? error : "--cursor: " + error;
}

std::string Notifier::run() {
  std::string error = open();
  if (error.empty()) {
    error = begin();
  }
  while (error.empty() && !loop_.stopping()) {
    EventPage page;
    error = fetch_patiently(page);
    if (error.empty() && !loop_.stopping()) {
      error = take(page);
    }
    if (error.empty() && page.at_end) {
      loop_.sleep(kPoll);
    }
  }
  spdlog::info("{} notices delivered, {} put aside", delivered_, put_aside_);
  return error;
}

Notifier::Fetched Notifier::fetch(const std::string& after, std::size_t limit, EventPage& page, std::string& problem) {
  const WebReply reply = aggregator_.ask({.target = "/v1/events?after=" + after + "&limit=" + std::to_string(limit),
                                          .headers = {{"Authorization", "Bearer " + options_.token}}},
                                         kPageTime, kPageMax);
  if (reply.status == 401 || reply.status == 403) {
    problem = "the aggregator does not take the token for a notifier's";
    return Fetched::kHopeless;
  }
  if (reply.status == 400) {
    problem = std::string("the aggregator's log is shorter than what was read of it") + kAnotherLog;
    return Fetched::kAnotherLog;
  }
  problem = reply.error.empty() ? "HTTP status " + std::to_string(reply.status) : reply.error;
  if (reply.status != 200 || !reply.whole) {
    return Fetched::kFailed;
  }
  if (!read_event_page(reply.body, page)) {
    problem = "that is not the answer of cubby-aggregator";
    return Fetched::kFailed;
  }
  return Fetched::kPage;
}

Notifier::Fetched Notifier::fetch_behind(EventPage& page, std::string& problem) {
  if (!place_) {
    return fetch("newest", 1, page, problem);
  }
  if (!place_->last) {
    return fetch(std::to_string(place_->after), kPageRows, page, problem);
  }
  // The newest event that we have seen comes once more, at the head of each page: so no page is ever of another log.
  const Fetched fetched = fetch(std::to_string(place_->last->id - 1), kPageRows + 1, page, problem);
  if (fetched != Fetched::kPage) {
    return fetched;
  }
  if (page.rows.empty() || place_of(page.rows.front()) != place_->last) {
    problem = std::string("the aggregator's log has another event where one was read") + kAnotherLog;
    return Fetched::kAnotherLog;
  }
  page.rows.erase(page.rows.begin());
  return fetched;
}

Notifier::Fetched Notifier::fetch_next(EventPage& page, std::string& problem) {
  Fetched fetched = fetch_behind(page, problem);
  const bool is_bound = place_ && place_->store;
  if (fetched == Fetched::kAnotherLog && is_bound) {
    std::string other;  // Whose log it is, the end of it always says.
    if (fetch("newest", 1, page, other) != Fetched::kPage) {
      problem = other;
      return Fetched::kFailed;
    }
    if (page.store == *place_->store) {
      return Fetched::kHopeless;
    }
    fetched = Fetched::kPage;
  }
  if (fetched != Fetched::kPage) {
    return fetched == Fetched::kAnotherLog ? Fetched::kHopeless : fetched;
  }
  if (is_bound && page.store != *place_->store) {
    if (!follow(page, problem)) {
      return Fetched::kHopeless;
    }
    fetched = fetch_behind(page, problem);
    return fetched == Fetched::kAnotherLog ? Fetched::kHopeless : fetched;
  }
  if (place_) {
    place_->store = page.store;
  }
  return Fetched::kPage;
}

// Whoever has lost something must hear of it, and whoever hears of something twice must know that it is the same.
bool Notifier::follow(const EventPage& page, std::string& problem) {
  if (page.store.uid != place_->store->uid) {
    problem = std::string("the aggregator has another store than the one that was read") + kAnotherLog;
    return false;
  }
  if (page.store.generation < place_->store->generation) {
    problem =
        std::string("the aggregator's store was put back to an older copy, not by cubby store restore") + kAnotherLog;
    return false;
  }
  const auto after = after_restores(page, place_->store->generation, place_->after);
  if (!after) {
    problem = std::string("the aggregator's store was restored and does not say from where on") + kAnotherLog;
    return false;
  }
  spdlog::warn(
      "the aggregator's store was restored from a backup: going on behind event {}, {}; what stations report again is "
      "told again, with the same keys",
      *after, *after == place_->after ? "as before" : "before which nothing has changed");
  problem = move_to({.after = *after, .last = {}, .store = page.store});
  return problem.empty();
}

std::string Notifier::fetch_patiently(EventPage& page) {
  steady_clock::time_point said{};
  for (std::uint32_t attempt = 1; !loop_.stopping(); ++attempt) {
    std::string problem;
    const Fetched fetched = fetch_next(page, problem);
    if (fetched == Fetched::kHopeless) {
      return problem;
    }
    if (fetched == Fetched::kPage) {
      if (attempt != 1) {
        spdlog::info("the aggregator answers again");
      }
      return {};
    }
    if (!loop_.stopping() && (attempt == 1 || steady_clock::now() - said >= kAwayLogged)) {
      said = steady_clock::now();
      spdlog::warn("no events from {}:{}: {}; asking again", options_.aggregator.host, options_.aggregator.port,
                   problem);
    }
    loop_.sleep(std::min<std::chrono::milliseconds>(wait_before(attempt, random_number(), {}), kAwayWaitMax));
  }
  return {};
}

std::string Notifier::begin() {
  if (file_.place()) {
    place_ = file_.place();
    spdlog::info("notices to {}, going on behind event {}", options_.webhook.where(), place_->after);
    return {};
  }
  if (options_.from_beginning) {
    spdlog::info("notices to {}, from the first event on", options_.webhook.where());
    return move_to({});
  }
  EventPage page;
  std::string error = fetch_patiently(page);
  if (!error.empty() || loop_.stopping()) {
    return error;
  }
  spdlog::info("notices to {}, of events from now on", options_.webhook.where());
  return move_to({.after = page.next_after, .last = {}, .store = page.store});
}

std::string Notifier::move_to(const NotifyCursor& place) {
  place_ = place;
  std::string error = file_.save(place);
  return error.empty() ? error : "--cursor: " + error;
}

std::string Notifier::take(const EventPage& page) {
  for (const json::value& row : page.rows) {
    const auto at = place_of(row);
    if (!at || at->id <= place_->after) {
      return "the aggregator's page of events is not one";
    }
    const NotifyCursor behind{.after = at->id, .last = at, .store = place_->store};
    Notice notice;
    NoticeOf what = NoticeOf::kNothing;
    if (options_.station.empty() || options_.station == at->station) {
      what = read_notice(row, *at, options_.fleet_keys, notice);
    }
    if (what == NoticeOf::kNothing) {
      place_ = behind;  // Durable with the next notice, or with the page.
      continue;
    }
    bool done = false;
    std::string error = what == NoticeOf::kNotice
                            ? deliver_or_put_aside(notice, *at, done)
                            : put_aside(*at, "unknown", "the event cannot be read by this version", done);
    if (error.empty() && done) {
      error = move_to(behind);
    }
    if (!error.empty() || loop_.stopping()) {
      return error;
    }
  }
  const bool is_saved = page.next_after == file_.place()->after && place_->store == file_.place()->store;
  return is_saved ? std::string() : move_to({.after = page.next_after, .last = place_->last, .store = place_->store});
}

std::string Notifier::deliver_or_put_aside(const Notice& notice, const LogPlace& place, bool& done) {
  std::string said;
  switch (deliver(notice, place, said)) {
    case Delivered::kTaken:
      done = true;
      return {};
    case Delivered::kRefused:
      return put_aside(place, notice.kind, said, done);
    case Delivered::kStopped:
      break;
  }
  return said;
}

Notifier::Delivered Notifier::deliver(const Notice& notice, const LogPlace& place, std::string& said) {
  const WebRequest request{.post = true,
                           .target = options_.webhook.target,
                           .headers = {{"Content-Type", "application/json"},
                                       {"Idempotency-Key", notice.key},
                                       {"Cubby-Signature", signature_of(options_.secret, notice.body)}},
                           .body = notice.body};
  const auto began = steady_clock::now();
  for (std::uint32_t attempt = 1;; ++attempt) {
    const WebReply reply = webhook_.ask(request, options_.deadline, kHookAnswerMax);
    said = reply.status == 0 ? reply.error : "HTTP status " + std::to_string(reply.status);
    switch (verdict_of(reply.status)) {
      case Verdict::kTaken:
        ++delivered_;
        spdlog::debug("event {}: delivered", place.id);
        return Delivered::kTaken;
      case Verdict::kRefused:
        return Delivered::kRefused;
      case Verdict::kAgain:
        break;
    }
    if (!loop_.stopping() && steady_clock::now() - began >= options_.give_up_after) {
      said = "event " + std::to_string(place.id) + " could not be delivered for as long as --give-up says: " + said;
      return Delivered::kStopped;
    }
    const auto wait = wait_before(attempt, random_number(), read_retry_after(reply.retry_after));
    if (!loop_.stopping()) {
      spdlog::warn("event {}: not delivered: {}; again in {} s", place.id, said, seconds_text(wait));
    }
    if (loop_.stopping() || !loop_.sleep(wait)) {
      said.clear();
      return Delivered::kStopped;
    }
  }
}

std::string Notifier::put_aside(const LogPlace& place, const std::string& kind, const std::string& reason, bool& done) {
  const json::object line{{"id", place.id}, {"station", place.station}, {"journal", place.journal}, {"seq", place.seq},
                          {"kind", kind},   {"reason", reason}};
  std::string error = append_durably(options_.refused_file, json::serialize(line));
  if (!error.empty()) {
    return "--refused: " + error;
  }
  ++put_aside_;
  done = true;
  spdlog::error("event {}: put aside, nobody was told: {}", place.id, reason);
  return {};
}

}  // namespace cubby::tools
