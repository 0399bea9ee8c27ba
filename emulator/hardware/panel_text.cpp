#include "emulator/hardware/panel_text.h"

#include <algorithm>

#include "firmware/base/assert.h"

namespace cubby::emulator {
namespace {

using enum PanelMessage;

// Element i is message i + 1. At most 20 columns a row when all is filled in.
constexpr std::array<PanelText, kPanelMessages> kTexts{{
    {kIdle,
     "IDLE",
     false,
     {"Enter code, then #", "or scan QR code.", "Courier: scan pass", "{keys}    G 中文"},
     {"请输入取件码并按#", "或扫描取件二维码", "投递员请扫通行证", "{keys} G English"}},
    {kCourierReady,
     "COURIER_READY",
     false,
     {"Ready, courier.", "Scan a parcel.", "R  take back overdue", "*  end"},
     {"投递员您好", "请扫描包裹运单号", "R 取回滞留件和退件", "* 结束"}},
    {kChooseSize,
     "CHOOSE_SIZE",
     false,
     {"Size of the parcel?", "S   M   L   X", "{low}", "*  cancel"},
     {"请选择格口大小", "S小 M中 L大 X特大", "{low}", "* 取消"}},
    {kOpening,
     "OPENING",
     false,
     {"Door {door} is opening", "Please wait.", "", ""},
     {"{door}号格口", "正在开门，请稍候", "", ""}},
    {kPutIn,
     "PUT_IN",
     false,
     {"Door {door} is open.", "Put the parcel in", "and shut the door.", "*cancel SMLX resize"},
     {"{door}号格口已打开", "请放入包裹", "并关好柜门", "*取消 SMLX换格口"}},
    {kStored,
     "STORED",
     true,
     {"Stored in door {door}", "Thank you.", "", "Scan next, or * end"},
     {"已存入{door}号格口", "谢谢", "", "扫描下一件或按*结束"}},
    {kTurnedAway,
     "TURNED_AWAY",
     false,
     {"Cannot take it:", "{reason}", "", "Scan next, or * end"},
     {"无法存放", "{reason}", "", "扫描下一件或按*结束"}},
    {kWrongCode,
     "WRONG_CODE",
     false,
     {"Wrong code", "Please try again.", "Tries: {number}", "{keys}"},
     {"取件码错误", "请重新输入并按#", "还可尝试{number}次", "{keys}"}},
    {kLockedOut,
     "LOCKED_OUT",
     false,
     {"Too many wrong codes", "{wait}", "", ""},
     {"取件码错误次数过多", "{wait}", "", ""}},
    {kTakeOut,
     "TAKE_OUT",
     false,
     {"Door {door} is open.", "Take the parcel out", "and shut the door.", "N  leave it inside"},
     {"{door}号格口已打开", "请取出包裹", "并关好柜门", "N 拒收，留在格口内"}},
    {kCollected,
     "COLLECTED",
     true,
     {"Thank you.", "Door {door} is shut.", "", ""},
     {"取件成功，谢谢", "{door}号格口已关好", "", ""}},
    {kDoorFailed,
     "DOOR_FAILED",
     true,
     {"Sorry: door {door}", "did not open.", "Wait, or try again.", ""},
     {"抱歉，{door}号柜门未开", "请稍候或重试", "", ""}},
    {kRecallOpen,
     "RECALL_OPEN",
     false,
     {"Door {door} is open.", "Take the parcel back", "and shut the door.", ""},
     {"{door}号格口已打开", "请取回包裹", "并关好柜门", ""}},
    {kRecalled, "RECALLED", true, {"Taken back:", "door {door}", "", ""}, {"已取回", "{door}号格口", "", ""}},
    {kRecallDone,
     "RECALL_DONE",
     false,
     {"No more to take back", "Parcels: {number}", "", "Scan next, or * end"},
     {"取回结束", "共取回{number}件", "", "扫描下一件或按*结束"}},
    {kWrongPass,
     "WRONG_PASS",
     false,
     {"Pass not accepted", "Please get a new one", "", ""},
     {"通行证无效", "请更换通行证后重试", "", ""}},
    {kOutOfService,
     "OUT_OF_SERVICE",
     true,
     {"Out of service", "Doors stay locked.", "Please come back", "later."},
     {"暂停服务", "请稍后再来", "", ""}},
    {kPleaseShut, "PLEASE_SHUT", true, {"Please shut", "door {door}", "", ""}, {"请关好柜门", "{door}号格口", "", ""}},
    {kCancelled,
     "CANCELLED",
     false,
     {"Cancelled", "Door {door} is shut.", "", "Scan next, or * end"},
     {"已取消", "{door}号格口已关好", "", "扫描下一件或按*结束"}},
    {kRefused,
     "REFUSED",
     true,
     {"Left in door {door}", "for the courier.", "The code is void.", ""},
     {"已拒收", "包裹留在{door}号格口", "等待投递员取回", "取件码已失效"}},
    {kServiceMenu,
     "SERVICE_MENU",
     false,
     {"1 audit   2 look in", "3 keypad  4 take out", "5 restore 6 selftest", "* end"},
     {"1盘点     2查看格口", "3解锁键盘 4停用格口", "5恢复格口 6自检", "* 结束"}},
    {kDoorNumber,
     "DOOR_NUMBER",
     false,
     {"{action}", "Door number, then #", "{digits}", "* back"},
     {"{action}", "请输入格口号并按#", "{digits}", "* 返回"}},
    {kLookInside,
     "LOOK_INSIDE",
     false,
     {"Door {door} is open.", "Look inside", "and shut the door.", ""},
     {"{door}号格口已打开", "请查看格口内部", "并关好柜门", ""}},
    {kInside,
     "INSIDE",
     false,
     {"Door {door}:", "a parcel inside?", "1 yes   0 no", "* not sure"},
     {"{door}号格口内", "是否有包裹？", "1 有   0 无", "* 不确定"}},
    {kAuditItem,
     "AUDIT_ITEM",
     false,
     {"Door {door}:", "{state}", "# look in  5 restore", "* next"},
     {"{door}号格口", "{state}", "# 查看   5 恢复", "* 下一个"}},
    {kServiceDone,
     "SERVICE_DONE",
     true,
     {"Done", "Door {door}", "Count: {count}", ""},
     {"完成", "{door}号格口", "数量：{count}", ""}},
    {kServiceRefused,
     "SERVICE_REFUSED",
     true,
     {"Not possible", "Door {door}", "", ""},
     {"无法执行", "{door}号格口", "", ""}},
    {kWrongStation,
     "WRONG_STATION",
     false,
     {"Your parcel is at", "another station.", "", ""},
     {"包裹不在本柜", "请核对取件地址", "", ""}},
    {kSenderReady,
     "SENDER_READY",
     false,
     {"Sending a parcel:", "scan its label.", "", "* cancel"},
     {"寄件", "请扫描包裹运单号", "", "* 取消"}},
    {kSecondInput,
     "SECOND_INPUT",
     false,
     {"Last 4 digits of the", "parcel's number,", "then #", "{keys}  * cancel"},
     {"请输入运单号最后4位", "数字，并按#", "", "{keys}    * 取消"}},
    {kDoubted,
     "DOUBTED",
     true,
     {"Door {door} is shut.", "Its sensor disagrees", "with what you did.", "Staff will look."},
     {"{door}号格口已关好", "传感器与操作不符", "工作人员将核实", ""}},
}};
constexpr PanelText kUnknown{PanelMessage{}, "?", false, {"?"}, {"?"}};

consteval bool in_order() {
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (static_cast<std::size_t>(kTexts[i].message) != i + 1) {
      return false;
    }
  }
  return true;
}
static_assert(in_order());

struct Word {
  std::string_view english;
  std::string_view chinese;
};

// TurnedAwayReason of event.proto.
constexpr std::array<Word, 8> kReasons{{{"not possible", "暂时无法投递"},
                                        {"no free door", "格口已满"},
                                        {"no door that fits", "没有合适的格口"},
                                        {"share is used up", "本公司格口已用完"},
                                        {"wrong pass", "通行证无效"},
                                        {"station is offline", "柜机离线，暂停投递"},
                                        {"doors do not open", "柜门故障"},
                                        {"no low door", "没有低处格口"}}};
// Of CHOOSE_SIZE: what was asked for, and what the key does.
constexpr std::array<Word, 2> kReach{
    {{"W  for a low door", "W 选低处格口"}, {"Low door. W any door", "低处格口 W 不限高度"}}};
// CompartmentState of event.proto.
constexpr std::array<Word, 11> kStates{{{"unknown", "未知"},
                                        {"vacant", "空闲"},
                                        {"reserved", "已预留"},
                                        {"opening", "正在开门"},
                                        {"being filled", "正在存放"},
                                        {"occupied", "有包裹"},
                                        {"overdue", "滞留"},
                                        {"being opened", "正在取件"},
                                        {"being emptied", "正在取出"},
                                        {"content in doubt", "状态存疑"},
                                        {"out of service", "已停用"}}};
// Keys of the technician's menu that ask for a door.
constexpr std::array<Word, 6> kActions{{{"", ""},
                                        {"", ""},
                                        {"Look inside", "查看格口"},
                                        {"", ""},
                                        {"Take out of service", "停用格口"},
                                        {"Put back in service", "恢复格口"}}};

template <std::size_t Size>
std::string word_of(const std::array<Word, Size>& words, std::uint32_t number, PanelLanguage language) {
  const Word& word = words[number < Size ? number : 0];
  return std::string(language == PanelLanguage::kChinese ? word.chinese : word.english);
}

std::string wait_of(std::uint32_t seconds, PanelLanguage language) {
  const bool chinese = language == PanelLanguage::kChinese;
  if (seconds == UINT32_MAX) {
    return chinese ? "请联系客服" : "Please call service.";
  }
  return chinese ? "请" + std::to_string(seconds) + "秒后再试" : "Wait " + std::to_string(seconds) + " s.";
}

std::string value_of(std::string_view name, const PanelScreen& screen, PanelLanguage language,
                     std::string_view digits) {
  if (name == "door") {
    return std::to_string(screen.compartment);
  }
  if (name == "number" || name == "count") {
    return std::to_string(screen.number);
  }
  if (name == "wait") {
    return wait_of(screen.number, language);
  }
  if (name == "reason") {
    return word_of(kReasons, screen.number, language);
  }
  if (name == "state") {
    return word_of(kStates, screen.number, language);
  }
  if (name == "low") {
    return word_of(kReach, screen.number, language);
  }
  if (name == "action") {
    return word_of(kActions, screen.number, language);
  }
  if (name == "keys") {
    std::string stars(digits.size(), '*');
    stars.resize(std::max<std::size_t>(stars.size(), 10), ' ');
    return stars;
  }
  CUBBY_ASSERT(name == "digits");
  return std::string(digits);
}

std::string fill(std::string_view row, const PanelScreen& screen, PanelLanguage language, std::string_view digits) {
  std::string text;
  while (true) {
    const std::size_t open = row.find('{');
    text += row.substr(0, open);
    if (open == std::string_view::npos) {
      break;
    }
    const std::size_t close = row.find('}', open);
    const std::string_view name = row.substr(open + 1, close - open - 1);
    const bool about_a_door = screen.compartment != 0;
    if ((name == "door" && !about_a_door) || (name == "count" && about_a_door)) {
      return {};
    }
    text += value_of(name, screen, language, digits);
    row.remove_prefix(close + 1);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

const PanelText& panel_text(PanelMessage message) {
  const auto index = static_cast<std::size_t>(message) - 1;
  return index < kTexts.size() ? kTexts[index] : kUnknown;
}

DisplayRows display_rows(const PanelScreen& screen, PanelLanguage language, std::string_view digits) {
  DisplayRows rows;
  const PanelText::Rows& templates = panel_text(screen.message).rows(language);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = fill(templates[i], screen, language, digits);
  }
  return rows;
}

std::string display_line(const PanelScreen& screen, PanelLanguage language) {
  std::string line;
  for (const std::string& row : display_rows(screen, language)) {
    if (!row.empty()) {
      line += (line.empty() ? "" : " / ") + row;
    }
  }
  return line;
}

std::size_t display_columns(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    // CJK signs and ideographs, Hangul, compatibility forms, full-width forms, the supplementary planes.
    const bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
                      (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
                      (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
                      (point >= 0xFFE0 && point <= 0xFFE6) || (point >= 0x20000 && point <= 0x3FFFD);
    columns += wide ? 2 : 1;
    i += length;
  }
  return columns;
}

}  // namespace cubby::emulator
