#include "tools/cubby/inject_command.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>

#include "firmware/base/limits.h"
#include "tools/cubby/control_client.h"
#include "tools/cubby/panel_person.h"
#include "tools/cubby/replay.h"
#include "tools/support/command_line.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

using cubby::v1::ControlRequest;
using cubby::v1::ControlResponse;

struct InjectArguments {
  std::string control = "127.0.0.1:7500";
  std::string token_file;
  std::string station;
  std::string size;
  std::string change_size;
  bool cancel = false;
  bool low_door = false;
  bool scan = false;
  std::string recipient;
  std::string carrier = "sf";
  std::string parcel;
  std::string code;
  std::string second;
  std::string kind;
  std::string task;
  std::string technician = "li";
  std::uint32_t door = 0;
  std::string duration;
  std::string trace;
  std::string panel;
  std::string boards;
  std::string fleet_key;
};

int fail(int code, const std::string& message) {
  std::cerr << "cubby inject: " << message << '\n';
  return code;
}

cubby::v1::Size size_of(const std::string& text) {
  if (text == "S") {
    return cubby::v1::SIZE_S;
  }
  if (text == "M") {
    return cubby::v1::SIZE_M;
  }
  return text == "L" ? cubby::v1::SIZE_L : cubby::v1::SIZE_XL;
}

int open(const InjectArguments& arguments, ControlClient& client) {
  const Secret token = client_secret(arguments.token_file, default_secret_path("control.token"));
  if (!token.error.empty()) {
    return fail(kExitUsage, "--token-file " + token.error);
  }
  const std::string error = client.connect(*parse_endpoint(arguments.control), token.text);
  return error.empty() ? -1 : fail(kExitFailure, error);
}

// Sends one request; -1: it was done and `response` says what came of it.
int perform(const InjectArguments& arguments, const ControlRequest& request, ControlResponse& response) {
  ControlClient client;
  if (const int code = open(arguments, client); code >= 0) {
    return code;
  }
  if (const std::string error = client.ask(request, response); !error.empty()) {
    return fail(kExitFailure, error);
  }
  switch (response.status()) {
    case cubby::v1::CONTROL_STATUS_OK:
      return -1;
    case cubby::v1::CONTROL_STATUS_REFUSED:
      return fail(kExitFailure, "refused by the station: " + response.detail());
    case cubby::v1::CONTROL_STATUS_UNKNOWN_STATION:
      return fail(kExitUsage, "--station " + arguments.station + ": " + response.detail());
    case cubby::v1::CONTROL_STATUS_BAD_REQUEST:
      return fail(kExitUsage, response.detail());
    case cubby::v1::CONTROL_STATUS_UNAUTHORISED:
      return fail(kExitFailure,
                  "the emulator does not accept this token; is --token-file (or CUBBY_HOME) the emulator's?");
    case cubby::v1::CONTROL_STATUS_NO_DOOR:
      return fail(kExitFailure, "no door opened: " + response.detail());
    case cubby::v1::CONTROL_STATUS_TIMED_OUT:
      return fail(kExitFailure, "the panel did not react: " + response.detail());
    default:
      return fail(kExitFailure, response.detail());
  }
}

PanelPlace place_of(const InjectArguments& arguments) {
  return {.panel = *parse_endpoint(arguments.panel), .boards = arguments.boards};
}

int deposit_there(const InjectArguments& arguments) {
  if (arguments.parcel.empty()) {
    return fail(kExitUsage, "--parcel: is needed with --panel");
  }
  std::string error;
  const std::string pass = courier_pass(arguments.carrier, arguments.fleet_key, error);
  if (!error.empty()) {
    return fail(kExitFailure, error);
  }
  const VisitResult result = deposit_at_panel(
      place_of(arguments),
      {.pass = pass, .parcel = arguments.parcel, .size = arguments.size == "XL" ? 'X' : arguments.size[0]});
  if (!result.error.empty()) {
    return fail(kExitFailure, result.error);
  }
  std::printf("compartment %u\n", result.compartment);
  std::cerr << "cubby inject: the code is the recipient's; the centre tells it (cubby notify)\n";
  return kExitOk;
}

int deposit(const InjectArguments& arguments) {
  if (const std::string problem = parcel_number_problem(arguments.parcel); !problem.empty()) {
    return fail(kExitUsage, "--parcel " + arguments.parcel + ": " + problem);
  }
  if (!arguments.panel.empty()) {
    return deposit_there(arguments);
  }
  ControlRequest request;
  request.mutable_deposit()->set_station(arguments.station);
  request.mutable_deposit()->set_size(size_of(arguments.size));
  request.mutable_deposit()->set_carrier(arguments.carrier);
  request.mutable_deposit()->set_parcel(arguments.parcel);
  if (!arguments.change_size.empty()) {
    request.mutable_deposit()->set_change_size(size_of(arguments.change_size));
  }
  request.mutable_deposit()->set_cancel(arguments.cancel);
  request.mutable_deposit()->set_low_door(arguments.low_door);
  if (!arguments.recipient.empty()) {
    request.mutable_deposit()->set_recipient_token(std::stoull(arguments.recipient, nullptr, 16));
  }
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("compartment %u\n", response.compartment());
  if (arguments.cancel) {
    std::printf("cancelled\n");
  } else if (response.code().empty()) {
    std::printf("code        not told yet\n");
    std::cerr << "cubby inject: " << response.detail() << '\n';
  } else {
    std::printf("code        %s\n", response.code().c_str());
    if (!response.second().empty()) {
      std::printf("second      %s\n", response.second().c_str());
    }
  }
  return kExitOk;
}

int drop_off(const InjectArguments& arguments) {
  if (const std::string problem = parcel_number_problem(arguments.parcel); !problem.empty()) {
    return fail(kExitUsage, "--parcel " + arguments.parcel + ": " + problem);
  }
  ControlRequest request;
  cubby::v1::InjectDropOff& body = *request.mutable_drop_off();
  body.set_station(arguments.station);
  body.set_size(size_of(arguments.size));
  body.set_carrier(arguments.carrier);
  body.set_parcel(arguments.parcel);
  body.set_cancel(arguments.cancel);
  body.set_low_door(arguments.low_door);
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("compartment %u\n%s\n", response.compartment(), arguments.cancel ? "cancelled" : "dropped off");
  return kExitOk;
}

int collect(const InjectArguments& arguments) {
  if (!arguments.panel.empty()) {
    const VisitResult result = collect_at_panel(place_of(arguments), arguments.code, arguments.second);
    if (!result.error.empty()) {
      return fail(kExitFailure, result.error);
    }
    std::printf("compartment %u\ncollected\n", result.compartment);
    return kExitOk;
  }
  ControlRequest request;
  request.mutable_collect()->set_station(arguments.station);
  request.mutable_collect()->set_code(arguments.code);
  request.mutable_collect()->set_second(arguments.second);
  request.mutable_collect()->set_scan(arguments.scan);
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("compartment %u\ncollected", response.compartment());
  if (response.parcels() > 1) {
    std::printf(" %u parcels; the last one here", response.parcels());
  }
  std::printf("\n");
  return kExitOk;
}

int refuse(const InjectArguments& arguments) {
  ControlRequest request;
  request.mutable_refuse()->set_station(arguments.station);
  request.mutable_refuse()->set_code(arguments.code);
  request.mutable_refuse()->set_second(arguments.second);
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("compartment %u\nrefused\n", response.compartment());
  return kExitOk;
}

int recall(const InjectArguments& arguments) {
  ControlRequest request;
  request.mutable_recall()->set_station(arguments.station);
  request.mutable_recall()->set_carrier(arguments.carrier);
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("recalled %u\n", response.parcels());
  return kExitOk;
}

constexpr auto kServiceTasks = std::to_array<std::pair<std::string_view, cubby::v1::ServiceTask>>({
    {"audit", cubby::v1::SERVICE_TASK_AUDIT},
    {"look", cubby::v1::SERVICE_TASK_LOOK},
    {"release-keypad", cubby::v1::SERVICE_TASK_RELEASE_KEYPAD},
    {"take-out", cubby::v1::SERVICE_TASK_TAKE_OUT},
    {"put-back", cubby::v1::SERVICE_TASK_PUT_BACK},
    {"self-test", cubby::v1::SERVICE_TASK_SELF_TEST},
});

std::vector<std::string> service_task_names() {
  std::vector<std::string> names;
  names.reserve(kServiceTasks.size());
  for (const auto& [name, task] : kServiceTasks) {
    names.emplace_back(name);
  }
  return names;
}

int service(const InjectArguments& arguments) {
  ControlRequest request;
  cubby::v1::InjectService& body = *request.mutable_service();
  body.set_station(arguments.station);
  body.set_compartment(arguments.door);
  body.set_technician(arguments.technician);
  for (const auto& [name, task] : kServiceTasks) {
    if (arguments.task == name) {
      body.set_task(task);
    }
  }
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("%s done", arguments.task.c_str());
  if (body.task() == cubby::v1::SERVICE_TASK_AUDIT) {
    std::printf(", %u compartments settled", response.number());
  } else if (body.task() == cubby::v1::SERVICE_TASK_SELF_TEST) {
    std::printf(", %u doors cannot be read", response.number());
  }
  std::printf("\n");
  return kExitOk;
}

constexpr std::array<std::pair<std::string_view, cubby::v1::FaultKind>, 7> kFaultKinds{
    {{"jam", cubby::v1::FAULT_KIND_JAM},
     {"force", cubby::v1::FAULT_KIND_FORCE},
     {"board-silent", cubby::v1::FAULT_KIND_BOARD_SILENT},
     {"item-empty", cubby::v1::FAULT_KIND_ITEM_EMPTY},
     {"item-present", cubby::v1::FAULT_KIND_ITEM_PRESENT},
     {"link-down", cubby::v1::FAULT_KIND_LINK_DOWN},
     {"power-cut", cubby::v1::FAULT_KIND_POWER_CUT}}};

int fault(const InjectArguments& arguments) {
  if (arguments.kind == "bit-rot") {
    return fail(kExitFailure,
                "--kind bit-rot: not supported yet (jam, force, board-silent, item-empty, item-present, "
                "link-down, power-cut)");
  }
  const auto kind = std::find_if(kFaultKinds.begin(), kFaultKinds.end(), [&](const auto& known) {
                      return known.first == arguments.kind;
                    })->second;
  const bool at_a_door = kind != cubby::v1::FAULT_KIND_LINK_DOWN && kind != cubby::v1::FAULT_KIND_POWER_CUT;
  if (at_a_door && arguments.door == 0) {
    return fail(kExitUsage, "--door: " + arguments.kind + " needs the number of a door");
  }
  ControlRequest request;
  cubby::v1::InjectFault& body = *request.mutable_fault();
  body.set_station(arguments.station);
  body.set_kind(kind);
  body.set_compartment(arguments.door);
  body.set_duration_ms(arguments.duration.empty() ? 0 : *parse_duration_ms(arguments.duration));
  ControlResponse response;
  if (const int code = perform(arguments, request, response); code >= 0) {
    return code;
  }
  std::printf("%s at %s\n", arguments.kind.c_str(), arguments.station.c_str());
  return kExitOk;
}

int replay_file(const InjectArguments& arguments) {
  std::vector<std::string> errors;
  const std::vector<TraceLine> rows = read_trace(arguments.trace, errors);
  if (!errors.empty()) {
    for (const std::string& error : errors) {
      std::cerr << error << '\n';
    }
    return kExitUsage;
  }
  ControlClient client;
  if (const int code = open(arguments, client); code >= 0) {
    return code;
  }
  return replay(arguments.trace, rows, client);
}

using Arguments = std::shared_ptr<InjectArguments>;

CLI::App* add_verb(CLI::App& inject, const Arguments& arguments, int& exit_code, const char* name, const char* help,
                   int (*action)(const InjectArguments&)) {
  CLI::App* verb = inject.add_subcommand(name, help);
  verb->add_option("--control", arguments->control, "Control port of the emulator")
      ->check(endpoint_validator())
      ->capture_default_str();
  verb->add_option("--token-file", arguments->token_file,
                   "File with its token; default: control.token in the state folder of cubby");
  verb->callback([arguments, action, &exit_code] { exit_code = action(*arguments); });
  return verb;
}

/// Of what people do at a station that is no emulator's.
void add_panel(CLI::App& verb, const Arguments& arguments, std::initializer_list<const char*> emulator_only) {
  CLI::Option* panel =
      verb.add_option("--panel", arguments->panel,
                      "Where a cubby-controller or a board listens for its panel, instead of --control")
          ->check(endpoint_validator());
  panel->excludes(verb.get_option("--control"));
  for (const char* option : emulator_only) {
    panel->excludes(verb.get_option(option));
  }
  verb.add_option(
          "--boards", arguments->boards,
          "With --panel: control socket of the cubby board that moves its doors; default: somebody does it by hand")
      ->needs(panel);
}

void add_deliveries(CLI::App& inject, const Arguments& arguments, int& exit_code) {
  CLI::App* verb = add_verb(inject, arguments, exit_code, "deposit",
                            "A courier deposits one parcel; prints compartment and pickup code", deposit);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--size", arguments->size, "S, M, L or XL")->required()->check(CLI::IsMember({"S", "M", "L", "XL"}));
  verb->add_option("--carrier", arguments->carrier, "Brand, 1 to 8 of a-z, 0-9")
      ->check(carrier_validator())
      ->capture_default_str();
  verb->add_option("--parcel", arguments->parcel, "Number on the parcel; default: one is made up");
  verb->add_option("--recipient", arguments->recipient,
                   "Whose it is, as 1 to 16 hex digits: parcels of one carrier for one recipient share a code")
      ->check(recipient_validator());
  CLI::Option* change =
      verb->add_option("--change-size", arguments->change_size, "At the open door, ask for one of this size instead")
          ->check(CLI::IsMember({"S", "M", "L", "XL"}));
  verb->add_flag("--low-door", arguments->low_door, "Ask for a door within reach from a wheelchair");
  verb->add_flag("--cancel", arguments->cancel, "At the open door, take the parcel along again")->excludes(change);
  add_panel(*verb, arguments, {"--recipient", "--change-size", "--low-door", "--cancel"});
  verb->add_option("--fleet-key", arguments->fleet_key,
                   "With --panel: key that signs the courier's pass; default: fleet.key in the state folder of cubby")
      ->needs("--panel");
  verb->footer(
      "Examples: cubby inject deposit --station SX-TY-0007 --size M --carrier sf --parcel RB473124829CN\n"
      "          cubby inject deposit --station SX-TY-0007 --size M --parcel RB473124829CN --panel 127.0.0.1:7600 "
      "--boards b.ctl");

  verb = add_verb(inject, arguments, exit_code, "drop-off",
                  "A sender drops a parcel or a return off; the brand's next courier takes it along", drop_off);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--size", arguments->size, "S, M, L or XL")->required()->check(CLI::IsMember({"S", "M", "L", "XL"}));
  verb->add_option("--carrier", arguments->carrier, "Brand of the sender's pass, 1 to 8 of a-z, 0-9")
      ->check(carrier_validator())
      ->capture_default_str();
  verb->add_option("--parcel", arguments->parcel, "Number on the parcel; default: one is made up");
  verb->add_flag("--low-door", arguments->low_door, "Ask for a door within reach from a wheelchair");
  verb->add_flag("--cancel", arguments->cancel, "At the open door, take the parcel along again");
  verb->footer("Example: cubby inject drop-off --station SX-TY-0007 --size S --carrier sf");
}

constexpr const char* kSecondHelp = "What is typed after a code of 6 digits: the last 4 digits of the parcel's number";

void add_pickups(CLI::App& inject, const Arguments& arguments, int& exit_code) {
  CLI::App* verb =
      add_verb(inject, arguments, exit_code, "collect", "Somebody types a pickup code, or shows it", collect);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--code", arguments->code, "As the keypad takes it")->required()->check(code_validator());
  verb->add_option("--second", arguments->second, kSecondHelp)->check(second_validator());
  verb->add_flag("--scan", arguments->scan, "Show the scanner the code's QR text");
  add_panel(*verb, arguments, {"--scan"});
  verb->footer(
      "Examples: cubby inject collect --station SX-TY-0007 --code 12345678\n"
      "          cubby inject collect --station SX-TY-0007 --code 123456 --second 4829");

  verb = add_verb(inject, arguments, exit_code, "refuse",
                  "The recipient opens the door, does not want the parcel and leaves it inside", refuse);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--code", arguments->code, "As the keypad takes it")->required()->check(code_validator());
  verb->add_option("--second", arguments->second, kSecondHelp)->check(second_validator());
  verb->footer("Example: cubby inject refuse --station SX-TY-0007 --code 12345678");

  verb = add_verb(inject, arguments, exit_code, "recall",
                  "A courier takes overdue, refused and dropped-off parcels along", recall);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--carrier", arguments->carrier, "Brand, 1 to 8 of a-z, 0-9")
      ->check(carrier_validator())
      ->capture_default_str();
  verb->footer("Example: cubby inject recall --station SX-TY-0007 --carrier sf");
}

void add_service_and_faults(CLI::App& inject, const Arguments& arguments, int& exit_code) {
  CLI::App* verb = add_verb(inject, arguments, exit_code, "technician",
                            "A technician comes with a pass for the station and does one thing", service);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option("--task", arguments->task, "audit looks into what is disputed or out of service")
      ->required()
      ->check(CLI::IsMember(service_task_names()));
  verb->add_option("--door", arguments->door, "Compartment number, for look, take-out and put-back")
      ->check(integer_range(1, limits::kCompartmentsMax));
  verb->add_option("--technician", arguments->technician, "Who it is, 1 to 8 of a-z, 0-9")
      ->check(carrier_validator())
      ->capture_default_str();
  verb->footer("Example: cubby inject technician --station SX-TY-0007 --task look --door 12");

  verb = add_verb(inject, arguments, exit_code, "fault", "Something breaks", fault);
  verb->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  verb->add_option(
          "--kind", arguments->kind,
          "jam, force, board-silent (that of the door), item-empty, item-present (of the sensor), link-down or\n"
          "power-cut")
      ->required()
      ->check(CLI::IsMember(
          {"jam", "force", "board-silent", "item-empty", "item-present", "link-down", "power-cut", "bit-rot"}));
  verb->add_option("--door", arguments->door, "Compartment number, for what breaks at a door")
      ->check(integer_range(1, limits::kCompartmentsMax));
  verb->add_option("--for", arguments->duration,
                   "How long, in the emulator's time; default: a moment (power-cut, force), else to the end")
      ->check(duration_validator());
  verb->footer("Example: cubby inject fault --station SX-TY-0007 --door 12 --kind jam --for 10m");

  verb = add_verb(inject, arguments, exit_code, "replay", "Plays a trace at the emulator's pace", replay_file);
  verb->add_option("trace", arguments->trace, "CSV time,station,action,parcel,carrier,size")->required();
  verb->footer("Example: cubby inject replay trace.csv");
}

}  // namespace

void add_inject_command(CLI::App& app, int& exit_code) {
  CLI::App* inject = app.add_subcommand("inject", "Plays couriers, recipients and faults at a live emulator");
  inject->require_subcommand(1);
  inject->footer(
      "Examples:\n"
      "  cubby inject deposit --station SX-TY-0007 --size S --change-size M\n"
      "      the parcel does not fit, another door opens for it\n"
      "  cubby inject collect --station SX-TY-0007 --code 12345678\n"
      "  cubby inject technician --station SX-TY-0007 --task audit\n"
      "  cubby inject fault --station SX-TY-0007 --door 12 --kind jam --for 10m");
  const auto arguments = std::make_shared<InjectArguments>();
  add_deliveries(*inject, arguments, exit_code);
  add_pickups(*inject, arguments, exit_code);
  add_service_and_faults(*inject, arguments, exit_code);
}

}  // namespace cubby::tools
