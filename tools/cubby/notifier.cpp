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

struct Notifier::Page {
  json::array rows;
  std::uint64_t next_after = 0;
  bool at_end = false;
};

Notifier::Notifier(WebLoop& loop, NotifierOptions options)
    : loop_(loop),
      options_(std::move(options)),
      aggregator_(loop, {.host = options_.aggregator.host, .port = options_.aggregator.port}),
      webhook_(loop, {.host = options_.webhook.host,
                      .port = options_.webhook.port,
                      .tls = options_.webhook.tls,
                      .ca_file = options_.ca_file}) {}

std::string Notifier::run() {
  if (std::string error = webhook_.load_authorities(); !error.empty()) {
    return "--ca: the authorities cannot be read: " + error;
  }
  if (std::string error = file_.open(options_.cursor_file); !error.empty()) {
    return "--cursor: " + error;
  }
  std::string error = begin();
  while (error.empty() && !loop_.stopping()) {
    Page page;
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

Notifier::Fetched Notifier::fetch(const std::string& after, std::size_t limit, Page& page, std::string& problem) {
  const WebReply reply = aggregator_.ask({.target = "/v1/events?after=" + after + "&limit=" + std::to_string(limit),
                                          .headers = {{"Authorization", "Bearer " + options_.token}}},
                                         kPageTime, kPageMax);
  if (reply.status == 401 || reply.status == 403) {
    problem = "the aggregator does not take the token for a notifier's";
    return Fetched::kHopeless;
  }
  if (reply.status == 400) {
    problem = std::string("the aggregator's log is shorter than what was read of it") + kAnotherLog;
    return Fetched::kHopeless;
  }
  problem = reply.error.empty() ? "HTTP status " + std::to_string(reply.status) : reply.error;
  if (reply.status != 200 || !reply.whole) {
    return Fetched::kFailed;
  }
  boost::system::error_code error;
  json::value body = json::parse(reply.body, error);
  const bool good = !error && body.is_object() && body.as_object().contains("rows") && body.at("rows").is_array() &&
                    body.as_object().contains("next_after") && body.at("next_after").is_int64() &&
                    body.as_object().contains("at_end") && body.at("at_end").is_bool();
  if (!good) {
    problem = "that is not the answer of cubby-aggregator";
    return Fetched::kFailed;
  }
  page.rows = std::move(body.at("rows").as_array());
  page.next_after = static_cast<std::uint64_t>(body.at("next_after").as_int64());
  page.at_end = body.at("at_end").as_bool();
  return Fetched::kPage;
}

Notifier::Fetched Notifier::fetch_next(Page& page, std::string& problem) {
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
    return Fetched::kHopeless;
  }
  page.rows.erase(page.rows.begin());
  return fetched;
}

std::string Notifier::fetch_patiently(Page& page) {
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
  Page page;
  std::string error = fetch_patiently(page);
  if (!error.empty() || loop_.stopping()) {
    return error;
  }
  spdlog::info("notices to {}, of events from now on", options_.webhook.where());
  return move_to({.after = page.next_after});
}

std::string Notifier::move_to(const NotifyCursor& place) {
  place_ = place;
  std::string error = file_.save(place);
  return error.empty() ? error : "--cursor: " + error;
}

std::string Notifier::take(const Page& page) {
  for (const json::value& row : page.rows) {
    const auto at = place_of(row);
    if (!at || at->id <= place_->after) {
      return "the aggregator's page of events is not one";
    }
    const NotifyCursor behind{.after = at->id, .last = at};
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
                            ? deliver(notice, *at, done)
                            : put_aside(*at, "unknown", "the event cannot be read by this version", done);
    if (error.empty() && done) {
      error = move_to(behind);
    }
    if (!error.empty() || loop_.stopping()) {
      return error;
    }
  }
  return page.next_after == file_.place()->after ? std::string()
                                                 : move_to({.after = page.next_after, .last = place_->last});
}

std::string Notifier::deliver(const Notice& notice, const LogPlace& place, bool& done) {
  const WebRequest request{.post = true,
                           .target = options_.webhook.target,
                           .headers = {{"Content-Type", "application/json"},
                                       {"Idempotency-Key", notice.key},
                                       {"Cubby-Signature", signature_of(options_.secret, notice.body)}},
                           .body = notice.body};
  const auto began = steady_clock::now();
  for (std::uint32_t attempt = 1;; ++attempt) {
    const WebReply reply = webhook_.ask(request, options_.deadline, kHookAnswerMax);
    const std::string said = reply.status == 0 ? reply.error : "HTTP status " + std::to_string(reply.status);
    switch (verdict_of(reply.status)) {
      case Verdict::kTaken:
        ++delivered_;
        done = true;
        spdlog::debug("event {}: delivered", place.id);
        return {};
      case Verdict::kRefused:
        return put_aside(place, notice.kind, said, done);
      case Verdict::kAgain:
        break;
    }
    if (loop_.stopping()) {
      return {};
    }
    if (steady_clock::now() - began >= options_.give_up_after) {
      return "event " + std::to_string(place.id) + " could not be delivered for as long as --give-up says: " + said;
    }
    const auto wait = wait_before(attempt, random_number(), read_retry_after(reply.retry_after));
    spdlog::warn("event {}: not delivered: {}; again in {} s", place.id, said, seconds_text(wait));
    if (!loop_.sleep(wait)) {
      return {};
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
