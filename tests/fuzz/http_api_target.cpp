// Any request to the HTTP interface of a small store. Without a token nothing is told but health; whatever is asked,
// the answer is JSON that parses or a problem with a code, of a bounded size, and never a 500; and an order goes to a
// station only as the order that it was, and from who may give one.
#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <string>

#include "fuzz/stories.h"
#include "fuzz/targets.h"
#include "support/temporary_folder.h"
#include "tools/aggregator/core/centre.h"
#include "tools/aggregator/http/api.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/support/log.h"

namespace cubby::fuzz {
namespace {

namespace json = boost::json;
using aggregator::Api;
using aggregator::ApiRequest;
using aggregator::ApiResponse;
using aggregator::Centre;
using aggregator::CentreOptions;

constexpr std::size_t kBodyMax = 1 << 20;
constexpr std::string_view kToken = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kViewer = "viewer-viewer-viewer-viewer-view";
constexpr std::string_view kNotifier = "notifier-notifier-notifier-notif";
constexpr std::string_view kAdmin = "admin-admin-admin-admin-admin-ad";

aggregator::AccessTokens tokens() {
  using aggregator::Role;
  aggregator::AccessTokens all;
  all.set(Role::kOperator, std::string(kToken)).set(Role::kViewer, std::string(kViewer));
  return all.set(Role::kNotifier, std::string(kNotifier)).set(Role::kAdmin, std::string(kAdmin));
}

bool is_bearer(const ApiRequest& request, std::string_view token) {
  return request.authorization == "Bearer " + std::string(token);
}

struct Sink final : aggregator::CommandSink {
  int sent = 0;
  Sent send(const std::string& station, const v1::Command& command, std::uint64_t life_ms) override {
    if (station != "SX-TY-0001" && station != "SX-TY-0002" && station != "SX-TY-0003") {
      return Sent::kUnknownStation;
    }
    ++sent;
    require(command.id().size() == 16 && command.body_case() != v1::Command::BODY_NOT_SET, "it says what to do");
    require(life_ms >= 1'000 && life_ms <= (command.has_open_door() ? 60'000U : 86'400'000U), "and not for ever");
    return command.id()[0] % 2 == 0 ? Sent::kSent : Sent::kOffline;
  }
};

/// Nobody's decision is taken.
struct Register final : aggregator::StationRegister {
  Decided decide(const aggregator::StationDecision& decision) override {
    require(!decision.stations.empty() && decision.stations.size() <= aggregator::StationDecision::kImportMax,
            "a decision is about a bounded number of stations");
    return {.outcome = Outcome::kUnknownStation};
  }
};

/// Three stations with a dozen events each, made once.
class Site {
 public:
  Site() {
    tools::set_up_log("fuzz", "off");  // Of orders there is a line each.
    const std::string path = folder_.file("cubby.db");
    const auto fill = [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{5}); };
    const aggregator::OpenedStore opened = aggregator::open_sqlite_store(path, fill);
    require(opened.error.empty(), "a store is made");
    CentreOptions options;
    options.fill_random = fill;
    Centre centre(std::move(options));
    require(opened.store->load(centre).empty(), "it is read");
    for (std::size_t station = 0; station < kStoryStations; ++station) {
      tell(centre, make_story(station, 0));
    }
    require(opened.store->commit(centre.changes(), centre.cities(), centre.brands()).empty(), "and written");
    require(api.open_store(path).empty(), "and read again");
    status_.store_ok = true;
  }

  Sink sink;

 private:
  static void tell(Centre& centre, const Story& story) {
    v1::Batch batch;
    batch.set_journal_uid(text_of(story.uid));
    batch.set_first_seq(1);
    batch.set_previous_chain(story.chains[0][0]);
    for (const std::string& event : story.events[0]) {
      batch.add_events(event);
    }
    const std::string bytes = batch.SerializeAsString();
    aggregator::StationRecord& station =
        *centre.add_station(story.station, aggregator::StationState::kActive, kNoonUtcMs);
    centre.start_journal(station, story.uid);
    aggregator::BatchView view;
    require(aggregator::read_batch(as_bytes(bytes), view) == aggregator::BatchError::kNone &&
                centre.apply(station, view) == Centre::Applied::kNew,
            "a story is told");
  }

  tests::TemporaryFolder folder_;
  aggregator::LiveStatus status_;
  aggregator::Presence presence_;
  aggregator::CommandBook book_;
  Register register_;

 public:
  // Time stands still here: a limit would be reached once and for all.
  Api api{{.tokens = tokens(), .open_rates = {.station_a_minute = 0, .fleet_a_minute = 0}},
          status_,
          presence_,
          book_,
          sink,
          register_};
};

std::string text_from(Input& input, std::initializer_list<const char*> known) {
  const unsigned choice = input.byte();
  return choice < 200 ? known.begin()[choice % known.size()] : text_of(input.take(input.byte()));
}

std::string target_from(Input& input) {
  if (input.one_of(8) == 0) {
    return text_of(input.take(input.byte()));
  }
  const auto routes = aggregator::routes();
  const aggregator::Route& route = routes[input.one_of(routes.size())];
  std::string target(route.path);
  for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{')) {
    const std::string part = text_from(input, {"SX-TY-0001", "SX-TY-0002", "0505", "SX-TY-9999", "", "..", "%00"});
    target.replace(at, target.find('}') + 1 - at, part);
    if (part.find('{') != std::string::npos) {
      break;
    }
  }
  for (unsigned count = input.one_of(5); count > 0; --count) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += text_from(input, {"by", "station", "city", "from", "to", "sort", "limit", "offset", "after"});
    target += '=';
    target += text_from(
        input, {"city", "station", "compartment", "brand", "size", "hour", "day", "SX-TY-0001", "Taiyuan", "2025-03-03",
                "2025-03-04", "deposits:desc", "mean_dwell_h", "1", "0", "-1", "1000", "18446744073709551615"});
  }
  return target;
}

std::string body_from(Input& input) {
  if (input.one_of(8) == 0) {
    return text_of(input.take(input.byte()));
  }
  std::string body = "{\"action\":\"" +
                     text_from(input, {"open", "block", "unblock", "release", "expire", "reissue", "reserve", "settle",
                                       "extend", "revoke_pass", "release_keypad", "configure"}) +
                     "\"";
  for (unsigned count = input.one_of(6); count > 0; --count) {
    body += ",\"" + text_from(input, {"compartment", "life_s", "size", "carrier", "ttl_s", "parcel", "low_door",
                                      "inside", "hours", "serial", "expiry_utc_s", "rules", "base_version"});
    body += "\":" + text_from(input, {"1", "4", "60", "86400", "0", "-1", "1e9", "true", "false", "null", "\"M\"",
                                      "\"sf\"", "\"\"", "{}", "[]", "{\"retention_h\":72}",
                                      "{\"brands\":[{\"carrier\":\"sf\"}]}", "4294967297"});
  }
  return body + "}";
}

void judge(const ApiRequest& request, const ApiResponse& answer) {
  static const std::set<unsigned> kStatuses{200, 202, 400, 401, 403, 404, 405, 409, 429, 501, 503};
  require(kStatuses.contains(answer.status), "an answer has a status that is described, and never 500");
  require(answer.body.size() <= kBodyMax, "an answer is bounded");
  require((answer.status == 405) == !answer.allow.empty(), "a 405 says what is allowed");
  if (answer.status >= 400) {
    require(answer.content_type == "application/problem+json", "an error is a problem");
  }
  if (answer.content_type.ends_with("json")) {
    boost::system::error_code error;
    const json::value value = json::parse(answer.body, error);
    require(!error && value.is_object(), "an answer parses");
    require(answer.status < 400 || !value.at("code").as_string().empty(), "a problem has a code");
  }
  const bool open = request.target.substr(0, request.target.find('?')) == "/health";
  const bool gives_orders = is_bearer(request, kToken) || is_bearer(request, kAdmin);
  const bool knows = gives_orders || is_bearer(request, kViewer) || is_bearer(request, kNotifier);
  require(answer.status != 200 || open || knows, "without a token nothing is told");
  require(answer.status != 202 || gives_orders, "orders are an operator's");
  require(!answer.stream || !is_bearer(request, kViewer), "a viewer reads no events");
  require(answer.status != 200 || !is_bearer(request, kNotifier) || open || request.target.starts_with("/v1/events"),
          "a notifier reads nothing else");
}

std::string_view token_from(unsigned choice) {
  return choice < 160 ? kToken : choice < 180 ? kViewer : choice < 200 ? kNotifier : kAdmin;
}

}  // namespace

/// Input: method, authorization, target, body; each one of the usual or any bytes.
void http_api(Bytes bytes) {
  static Site site;
  Input input(bytes);
  const std::string method = text_from(input, {"GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE"});
  const unsigned who = input.byte();
  const std::string authorization = who < 230 ? "Bearer " + std::string(token_from(who))
                                              : text_from(input, {"", "Bearer ", "Bearer 0123456789abcdef", "Basic x"});
  const std::string last_event_id = input.byte() < 200 ? "" : text_from(input, {"1", "0", "-1", "x"});
  const std::string target = target_from(input);
  const std::string body = method == "POST" ? body_from(input) : "";
  const ApiRequest request{
      .method = method, .target = target, .authorization = authorization, .body = body, .last_event_id = last_event_id};
  site.sink.sent = 0;
  const ApiResponse answer = site.api.answer(request);
  judge(request, answer);
  require(site.sink.sent <= (answer.status == 202 || answer.status == 409 ? 1 : 0),
          "only what is answered as an order has gone to a station");
  if (target.starts_with("/v1/orders/stop") && answer.status == 200) {  // The next input begins as this one did.
    const std::string admin = "Bearer " + std::string(kAdmin);
    require(site.api.answer({.method = "POST", .target = "/v1/orders/allow", .authorization = admin}).status == 200,
            "an admin lets orders go on");
  }
}

}  // namespace cubby::fuzz
