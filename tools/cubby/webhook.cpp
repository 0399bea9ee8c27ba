#include "tools/cubby/webhook.h"

#include <algorithm>
#include <charconv>

namespace cubby::tools {
namespace {

constexpr std::size_t kUrlMax = 2'048;
constexpr std::chrono::milliseconds kFirstWait{1'000};
constexpr std::chrono::milliseconds kLongestWait{60'000};
constexpr std::chrono::seconds kAskedForMax{3'600};

bool is_of_a_host(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == ':' || c == '_';
}

// Splits "host", "host:port" and "[address]:port". False: it is none of them.
bool read_authority(std::string_view text, WebhookUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return false;
    }
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    url.host = text.substr(0, colon);
    port = text.substr(colon);
    if (url.host.find(':') != std::string::npos) {
      return false;
    }
  }
  if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), is_of_a_host)) {
    return false;
  }
  if (port.empty()) {
    return true;
  }
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return error == std::errc{} && end == port.data() + port.size() && url.port != 0;
}

}  // namespace

std::string WebhookUrl::where() const {
  const bool brackets = host.find(':') != std::string::npos;
  return std::string(tls ? "https://" : "http://") + (brackets ? "[" : "") + host + (brackets ? "]" : "") + ":" +
         std::to_string(port);
}

std::string read_webhook_url(std::string_view text, WebhookUrl& url) {
  if (text.size() > kUrlMax || std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return "a URL has at most 2048 printable characters and no blank";
  }
  url = {};
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) {
    return "must begin with https:// or http://";
  }
  text.remove_prefix(url.tls ? 8 : 7);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority = text.substr(0, end);
  std::string_view target = text.substr(end);
  target = target.substr(0, std::min(target.find('#'), target.size()));
  url.target = (target.starts_with('/') ? "" : "/") + std::string(target);
  url.port = url.tls ? 443 : 80;
  if (authority.find('@') != std::string_view::npos) {
    return "must have no name and password; whom a notice is from is in its signature";
  }
  return read_authority(authority, url) ? std::string() : "must be like https://host:port/path";
}

Verdict verdict_of(unsigned status) {
  if (status >= 200 && status < 300) {
    return Verdict::kTaken;
  }
  switch (status) {
    case 400:
    case 409:
    case 410:
    case 413:
    case 415:
    case 422:
      return Verdict::kRefused;
    default:
      return Verdict::kAgain;
  }
}

std::chrono::milliseconds wait_before(std::uint32_t attempt, std::uint64_t random, std::chrono::seconds asked_for) {
  std::chrono::milliseconds wait = kFirstWait;
  for (std::uint32_t i = 1; i < attempt && wait < kLongestWait; ++i) {
    wait *= 2;
  }
  wait = std::min(wait, kLongestWait);
  const auto half = static_cast<std::uint64_t>(wait.count()) / 2;
  wait = std::chrono::milliseconds(half + random % (half + 1));
  return std::max<std::chrono::milliseconds>(wait, std::min(asked_for, kAskedForMax));
}

std::chrono::seconds read_retry_after(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(error == std::errc{} && end == text.data() + text.size() ? seconds : 0);
}

}  // namespace cubby::tools
