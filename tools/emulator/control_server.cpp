#include "tools/emulator/control_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <vector>

#include "cubby/v1/control.pb.h"
#include "firmware/base/names.h"
#include "firmware/wire/framing/frame.h"
#include "tools/emulator/panel_visit.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using cubby::v1::ControlRequest;
using cubby::v1::ControlResponse;

constexpr std::size_t kRequestMax = 4096;
constexpr std::size_t kSessionsMax = 64;
constexpr auto kCodeWait = std::chrono::seconds(3);  // For the notifier, after the door was shut.
constexpr auto kWallPatience = std::chrono::seconds(150);
constexpr std::uint64_t kVirtualPatienceMs = 130'000;
constexpr std::uint64_t kDurationMaxMs = 366ULL * 86'400'000;

ControlResponse refuse(cubby::v1::ControlStatus status, const std::string& detail) {
  ControlResponse response;
  response.set_status(status);
  response.set_detail(detail);
  return response;
}

}  // namespace

struct ControlServer::Parts {
  Parts(asio::io_context& context, emulator::Fleet& fleet_reference, std::string secret)
      : fleet(fleet_reference), token(std::move(secret)), acceptor(context) {}
  emulator::Fleet& fleet;
  std::string token;
  tcp::acceptor acceptor;
  std::uint64_t utc_ms = 0;
  std::vector<std::shared_ptr<Session>> sessions;
};

class ControlServer::Session : public std::enable_shared_from_this<ControlServer::Session> {
 public:
  Session(tcp::socket socket, Parts& parts) : socket_(std::move(socket)), parts_(parts) {}

  void read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                              if (error) {
                                self->close();
                                return;
                              }
                              self->received_.insert(self->received_.end(), self->chunk_.begin(),
                                                     self->chunk_.begin() + static_cast<std::ptrdiff_t>(size));
                              if (self->received_.size() > kRequestMax + wire::kFrameHeaderMax) {
                                self->close();
                                return;
                              }
                              self->take_request();
                              if (!self->closed_) {
                                self->read();
                              }
                            });
  }

  bool closed() const { return closed_; }
  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  /// The injection may have come to an end.
  void poll() {
    if (panel_.has_value()) {
      if (!closed_) {
        poll_panel();
      }
      return;
    }
    if (ticket_ == 0) {
      return;
    }
    emulator::Station& station = parts_.fleet.station(station_);
    const auto now = std::chrono::steady_clock::now();
    const std::optional<emulator::InjectionResult> result = station.injection_result(ticket_);
    if (!result.has_value()) {
      if (now > give_up_ || parts_.utc_ms > virtual_give_up_ms_) {
        ticket_ = 0;
        answer(refuse(cubby::v1::CONTROL_STATUS_TIMED_OUT, "nothing happened at the panel"));
      }
      return;
    }
    if (deposit_ && result->status == emulator::InjectionStatus::kOk) {
      const std::optional<emulator::ToldCode> code = station.deposit_code(ticket_);
      if (!code.has_value()) {
        if (code_by_ == std::chrono::steady_clock::time_point{}) {
          code_by_ = now + kCodeWait;
        }
        if (now < code_by_) {
          return;
        }
      }
      answer_result(*result, code.value_or(emulator::ToldCode{}));
      return;
    }
    answer_result(*result, {});
  }

 private:
  void poll_panel() {
    (void)parts_.fleet.station(station_);  // Taken anew: what a hand does is seen in the next window only then.
    const std::uint64_t since_start_ms = parts_.utc_ms - parts_.fleet.start_utc_ms();
    const Instant at{static_cast<std::int64_t>(since_start_ms) * 1000};
    if (const auto response = panel_->poll(at, std::chrono::steady_clock::now()); response.has_value()) {
      panel_.reset();
      answer(*response);
    }
  }

  void answer_result(const emulator::InjectionResult& result, const emulator::ToldCode& told) {
    ticket_ = 0;
    code_by_ = {};
    ControlResponse response;
    switch (result.status) {
      case emulator::InjectionStatus::kOk:
        response.set_status(cubby::v1::CONTROL_STATUS_OK);
        break;
      case emulator::InjectionStatus::kRefused:
        response.set_status(cubby::v1::CONTROL_STATUS_REFUSED);
        break;
      case emulator::InjectionStatus::kNoDoor:
        response.set_status(cubby::v1::CONTROL_STATUS_NO_DOOR);
        break;
      case emulator::InjectionStatus::kTimedOut:
        response.set_status(cubby::v1::CONTROL_STATUS_TIMED_OUT);
        break;
      case emulator::InjectionStatus::kBadInput:
        response.set_status(cubby::v1::CONTROL_STATUS_BAD_REQUEST);
        break;
    }
    response.set_detail(result.detail);
    response.set_compartment(result.compartment);
    response.set_parcels(result.parcels);
    response.set_number(result.number);
    response.set_code(told.code);
    response.set_second(told.second);
    if (deposit_ && result.status == emulator::InjectionStatus::kOk && told.code.empty()) {
      response.set_detail("stored; the recipient has not been told yet (is the station offline?)");
    }
    answer(response);
  }

  void answer(ControlResponse response) {
    response.set_virtual_utc_ms(parts_.utc_ms);
    const std::string message = response.SerializeAsString();
    auto out = std::make_shared<std::vector<std::byte>>(10);
    out->resize(wire::encode_varint(message.size(), out->data()));
    const Bytes bytes = as_bytes(message);
    out->insert(out->end(), bytes.begin(), bytes.end());
    asio::async_write(socket_, asio::buffer(*out),
                      [self = shared_from_this(), out](const boost::system::error_code& error, std::size_t) {
                        if (error || self->last_answer_) {
                          self->close();
                        }
                      });
  }

  // Requests are a length and a message; one at a time.
  void take_request() {
    while (ticket_ == 0 && !panel_.has_value() && !closed_) {
      std::size_t length = 0;
      std::size_t head = 0;
      for (; head < received_.size() && head < 3; ++head) {
        length |= static_cast<std::size_t>(received_[head] & std::byte{0x7F}) << (7 * head);
        if ((received_[head] & std::byte{0x80}) == std::byte{}) {
          break;
        }
      }
      if (head == received_.size()) {
        return;
      }
      ++head;
      if (length == 0 || length > kRequestMax) {
        close();
        return;
      }
      if (received_.size() < head + length) {
        return;
      }
      ControlRequest request;
      const bool good = request.ParseFromArray(received_.data() + head, static_cast<int>(length));
      received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(head + length));
      if (!good) {
        last_answer_ = true;
        answer(refuse(cubby::v1::CONTROL_STATUS_BAD_REQUEST, "not a ControlRequest"));
        return;
      }
      handle(request);
    }
  }

  void handle(const ControlRequest& request) {
    if (!authorised_ && !equal_secret(request.token(), parts_.token)) {
      last_answer_ = true;
      answer(refuse(cubby::v1::CONTROL_STATUS_UNAUTHORISED, "wrong token"));
      return;
    }
    authorised_ = true;
    emulator::Injection injection;
    std::string station;
    deposit_ = false;
    std::string problem;
    switch (request.body_case()) {
      case ControlRequest::kStatus: {
        ControlResponse response;
        response.set_status(cubby::v1::CONTROL_STATUS_OK);
        response.set_stations(static_cast<std::uint32_t>(parts_.fleet.station_count()));
        answer(response);
        return;
      }
      case ControlRequest::kDeposit:
        station = request.deposit().station();
        deposit_ = !request.deposit().cancel();
        problem = read_deposit(request.deposit(), injection);
        break;
      case ControlRequest::kDropOff:
        station = request.drop_off().station();
        injection.kind = emulator::InjectionKind::kDropOff;
        injection.key_at_door = request.drop_off().cancel() ? '*' : '\0';
        problem = read_parcel(request.drop_off(), injection);
        break;
      case ControlRequest::kCollect:
        station = request.collect().station();
        problem = read_code(emulator::InjectionKind::kCollect, request.collect(), injection);
        injection.scans = request.collect().scan();
        break;
      case ControlRequest::kRefuse:
        station = request.refuse().station();
        problem = read_code(emulator::InjectionKind::kRefuse, request.refuse(), injection);
        break;
      case ControlRequest::kRecall:
        station = request.recall().station();
        injection.kind = emulator::InjectionKind::kRecall;
        injection.carrier = request.recall().carrier();
        problem = is_carrier_name(injection.carrier) ? "" : "carrier: 1 to 8 of a-z, 0-9";
        break;
      case ControlRequest::kService:
        station = request.service().station();
        problem = read_service(request.service(), injection);
        break;
      case ControlRequest::kFault:
        station = request.fault().station();
        problem = read_fault(request.fault(), injection);
        break;
      case ControlRequest::kPanel:
        start_panel(request.panel());
        return;
      case ControlRequest::BODY_NOT_SET:
        problem = "no request in it";
        break;
    }
    start(station, injection, problem);
  }

  void start(const std::string& station, const emulator::Injection& injection, const std::string& problem) {
    if (problem.starts_with("not supported")) {
      answer(refuse(cubby::v1::CONTROL_STATUS_NOT_SUPPORTED, problem));
      return;
    }
    if (!problem.empty()) {
      answer(refuse(cubby::v1::CONTROL_STATUS_BAD_REQUEST, problem));
      return;
    }
    if (!find_station(station, injection.compartment)) {
      return;
    }
    if (const std::string unfit = unfit_code(injection, parts_.fleet.station(station_).code_digits()); !unfit.empty()) {
      answer(refuse(cubby::v1::CONTROL_STATUS_BAD_REQUEST, unfit));
      return;
    }
    ticket_ = parts_.fleet.station(station_).inject(injection);
    give_up_ = std::chrono::steady_clock::now() + kWallPatience;
    virtual_give_up_ms_ = parts_.utc_ms + 100 * kVirtualPatienceMs;
  }

  void start_panel(const cubby::v1::PanelRequest& request) {
    std::string problem;
    const std::optional<emulator::HandMove> move = read_move(request, problem);
    if (!problem.empty()) {
      answer(refuse(cubby::v1::CONTROL_STATUS_BAD_REQUEST, problem));
    } else if (find_station(request.station(), move.has_value() ? move->door : std::uint8_t{0})) {
      panel_.emplace(parts_.fleet.station(station_), move, std::chrono::steady_clock::now());
    }
  }

  // False: there is none, or none with such a door, and that was answered.
  bool find_station(const std::string& station, std::uint8_t compartment) {
    station_ = parts_.fleet.find(station);
    if (station_ == parts_.fleet.station_count()) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < parts_.fleet.station_count(); ++i) {
        names.emplace_back(parts_.fleet.station(i).name());
      }
      const std::string close = nearest(station.substr(0, 64), names);
      answer(refuse(cubby::v1::CONTROL_STATUS_UNKNOWN_STATION,
                    "no such station" + (close.empty() ? std::string() : "; did you mean " + close + "?")));
      return false;
    }
    if (compartment > parts_.fleet.station(station_).compartment_count()) {
      answer(refuse(
          cubby::v1::CONTROL_STATUS_BAD_REQUEST,
          "that station's doors are 1 to " + std::to_string(parts_.fleet.station(station_).compartment_count())));
      return false;
    }
    return true;
  }

  static std::string read_deposit(const cubby::v1::InjectDeposit& request, emulator::Injection& injection) {
    injection.kind = emulator::InjectionKind::kDeposit;
    if (request.recipient_token() != 0) {
      std::array<char, 17> digits{};
      std::snprintf(digits.data(), digits.size(), "%016llx",
                    static_cast<unsigned long long>(request.recipient_token()));
      injection.recipient = digits.data();
    }
    if (request.change_size() < 0 || request.change_size() > cubby::v1::SIZE_XL) {
      return "change_size: S, M, L or XL";
    }
    if (request.cancel() && request.change_size() != cubby::v1::SIZE_UNSPECIFIED) {
      return "change_size and cancel: one of the two";
    }
    if (request.cancel()) {
      injection.key_at_door = '*';
    } else if (request.change_size() != cubby::v1::SIZE_UNSPECIFIED) {
      injection.key_at_door = emulator::kSizeKeys[static_cast<std::size_t>(request.change_size()) - 1];
    }
    return read_parcel(request, injection);
  }

  template <typename Request>
  static std::string read_parcel(const Request& request, emulator::Injection& injection) {
    injection.size = static_cast<std::uint8_t>(request.size());
    injection.carrier = request.carrier();
    injection.parcel = request.parcel();
    injection.low_door = request.low_door();
    if (request.size() < cubby::v1::SIZE_S || request.size() > cubby::v1::SIZE_XL) {
      return "size: S, M, L or XL";
    }
    if (!is_carrier_name(injection.carrier)) {
      return "carrier: 1 to 8 of a-z, 0-9";
    }
    if (!is_parcel_text(injection.parcel)) {
      return "parcel: at most 32 printable characters";
    }
    return {};
  }

  template <typename Request>
  static std::string read_code(emulator::InjectionKind kind, const Request& request, emulator::Injection& injection) {
    injection.kind = kind;
    injection.code = request.code();
    injection.second = request.second();
    if (injection.code.empty() || injection.code.size() > 16 || !all_digits(injection.code)) {
      return "a code is 1 to 16 digits";
    }
    const bool second = injection.second.size() == limits::kSecondDigits && all_digits(injection.second);
    return injection.second.empty() || second ? "" : "a second input is 4 digits";
  }

  static bool all_digits(const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; }

  // Somebody with a code was told whether something has to be typed after it.
  static std::string unfit_code(const emulator::Injection& injection, std::size_t code_digits) {
    const bool typed =
        injection.kind == emulator::InjectionKind::kCollect || injection.kind == emulator::InjectionKind::kRefuse;
    const bool wants_second =
        code_digits == limits::kShortCodeDigits && injection.code.size() == limits::kShortCodeDigits;
    if (typed && wants_second && injection.second.empty()) {
      return "a code of this station needs a second input, the last 4 digits of the parcel's number (--second)";
    }
    if (typed && !wants_second && !injection.second.empty()) {
      return code_digits == limits::kShortCodeDigits ? "a second input belongs to a code of 6 digits only"
                                                     : "the codes of this station are typed alone: no second input";
    }
    return {};
  }

  static std::string read_service(const cubby::v1::InjectService& request, emulator::Injection& injection) {
    injection.kind = emulator::InjectionKind::kService;
    injection.carrier = request.technician();
    if (request.task() < cubby::v1::SERVICE_TASK_AUDIT || request.task() > cubby::v1::SERVICE_TASK_SELF_TEST) {
      return "not supported: this task";
    }
    injection.menu_key = static_cast<char>('0' + request.task());  // The panel's menu has them in this order.
    const bool needs_door = request.task() == cubby::v1::SERVICE_TASK_LOOK ||
                            request.task() == cubby::v1::SERVICE_TASK_TAKE_OUT ||
                            request.task() == cubby::v1::SERVICE_TASK_PUT_BACK;
    if (needs_door && (request.compartment() < 1 || request.compartment() > limits::kCompartmentsMax)) {
      return "this task needs a door, 1 to 192";
    }
    injection.compartment = needs_door ? static_cast<std::uint8_t>(request.compartment()) : std::uint8_t{0};
    return is_carrier_name(injection.carrier) ? "" : "technician: 1 to 8 of a-z, 0-9";
  }

  static std::string read_door(const cubby::v1::InjectFault& request, emulator::Injection& injection) {
    if (request.compartment() < 1 || request.compartment() > limits::kCompartmentsMax) {
      return "this fault needs a door, 1 to 192";
    }
    injection.compartment = static_cast<std::uint8_t>(request.compartment());
    return {};
  }

  static std::string read_fault(const cubby::v1::InjectFault& request, emulator::Injection& injection) {
    if (request.duration_ms() > kDurationMaxMs) {
      return "duration: at most 366 days";
    }
    injection.duration = Duration::milliseconds(static_cast<std::int64_t>(request.duration_ms()));
    switch (request.kind()) {
      case cubby::v1::FAULT_KIND_JAM:
        injection.kind = emulator::InjectionKind::kJam;
        return read_door(request, injection);
      case cubby::v1::FAULT_KIND_ITEM_EMPTY:
        injection.kind = emulator::InjectionKind::kItemStuckEmpty;
        return read_door(request, injection);
      case cubby::v1::FAULT_KIND_ITEM_PRESENT:
        injection.kind = emulator::InjectionKind::kItemStuckPresent;
        return read_door(request, injection);
      case cubby::v1::FAULT_KIND_FORCE:
        injection.kind = emulator::InjectionKind::kForce;
        return read_door(request, injection);
      case cubby::v1::FAULT_KIND_BOARD_SILENT:
        injection.kind = emulator::InjectionKind::kBoardSilent;
        return read_door(request, injection);
      case cubby::v1::FAULT_KIND_LINK_DOWN:
        injection.kind = emulator::InjectionKind::kLinkDown;
        return {};
      case cubby::v1::FAULT_KIND_POWER_CUT:
        injection.kind = emulator::InjectionKind::kPowerCut;
        return {};
      default:
        return "not supported: this fault";
    }
  }

  tcp::socket socket_;
  Parts& parts_;
  bool closed_ = false;
  bool authorised_ = false;
  bool last_answer_ = false;
  bool deposit_ = false;
  std::size_t station_ = 0;
  std::uint64_t ticket_ = 0;
  std::optional<PanelVisit> panel_;
  std::uint64_t virtual_give_up_ms_ = 0;
  std::chrono::steady_clock::time_point give_up_;
  std::chrono::steady_clock::time_point code_by_;
  std::vector<std::byte> received_;
  std::array<std::byte, 1024> chunk_{};
};

ControlServer::ControlServer(asio::io_context& context, emulator::Fleet& fleet, std::string token)
    : parts_(std::make_shared<Parts>(context, fleet, std::move(token))) {}

ControlServer::~ControlServer() {
  boost::system::error_code ignored;
  parts_->acceptor.close(ignored);
  for (const auto& session : parts_->sessions) {
    session->close();
  }
}

namespace {

template <typename PartsPointer, typename Begin>
void accept_next(const PartsPointer& parts, Begin begin) {
  parts->acceptor.async_accept([parts, begin](const boost::system::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) {
      return;
    }
    if (!error) {
      begin(std::move(socket));
    }
    accept_next(parts, begin);  // One failed accept does not end the port.
  });
}

}  // namespace

std::string ControlServer::listen(const Endpoint& endpoint) {
  boost::system::error_code error;
  const asio::ip::address address =
      asio::ip::make_address(endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host, error);
  if (error) {
    return "--control " + endpoint.host + ": not an IP address";
  }
  const tcp::endpoint local(address, endpoint.port);
  parts_->acceptor.open(local.protocol(), error);
  if (!error) {
    parts_->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    parts_->acceptor.bind(local, error);
  }
  if (!error) {
    parts_->acceptor.listen(16, error);
  }
  if (error) {
    return "--control " + endpoint.host + ":" + std::to_string(endpoint.port) + ": " + error.message();
  }
  accept_next(parts_, [parts = parts_.get()](tcp::socket socket) {
    std::erase_if(parts->sessions, [](const auto& session) { return session->closed(); });
    if (parts->sessions.size() < kSessionsMax) {
      parts->sessions.push_back(std::make_shared<Session>(std::move(socket), *parts));
      parts->sessions.back()->read();
    }
  });
  return {};
}

void ControlServer::poll(std::uint64_t utc_ms) {
  parts_->utc_ms = utc_ms;
  for (std::size_t i = 0; i < parts_->sessions.size(); ++i) {
    parts_->sessions[i]->poll();
  }
}

}  // namespace cubby::tools
