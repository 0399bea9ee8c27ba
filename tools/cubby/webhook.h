#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// What is decided about a webhook, without any socket.
namespace cubby::tools {

/// Where notices go. The path may be somebody's secret: only where() is for logs.
struct WebhookUrl {
  bool tls = false;
  std::string host;  // A name, or an address in digits without brackets.
  std::uint16_t port = 0;
  std::string target;  // Path and query.
  std::string where() const;
};
/// "https://host[:port][/path]" or "http://...". Empty, or what is wrong with it; never says the URL itself.
std::string read_webhook_url(std::string_view text, WebhookUrl& url);

/// What an answer means for the notice.
enum class Verdict : std::uint8_t {
  kTaken,
  kRefused,  // This notice will never be taken; others may.
  kAgain,    // Later: nobody was there, or could, or the receiver is set up wrongly.
};
/// `status` 0: there was no answer.
Verdict verdict_of(unsigned status);

/// How long until the next attempt, the first after a failure being 1. `random` is any number: a half of the wait is
/// by chance. At least what the receiver has asked for (0: nothing), at most an hour.
std::chrono::milliseconds wait_before(std::uint32_t attempt, std::uint64_t random, std::chrono::seconds asked_for);

/// Seconds of a Retry-After header; 0: it says none, or a date.
std::chrono::seconds read_retry_after(std::string_view text);

}  // namespace cubby::tools
