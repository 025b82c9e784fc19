#include "table.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace waypost::cli {
namespace {

// The ranges of Unicode's East Asian Width W and F that ids and titles use.
bool IsWide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool IsCombining(std::uint32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
}

// A cell is one line: control characters would break the table or the terminal.
std::string OneLine(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

std::string Csv(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string Markdown(const std::string& cell) {
  std::string escaped;
  for (char c : OneLine(cell)) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    std::uint32_t c = length == 1 ? byte : byte & (0x7Fu >> length);
    for (std::size_t n = 1; n < length && i + n < text.size(); ++n)
      c = (c << 6) | (static_cast<unsigned char>(text[i + n]) & 0x3F);
    width += IsCombining(c) ? 0 : IsWide(c) ? 2 : 1;
    i += length;
  }
  return width;
}

std::string Fixed(double number, int digits) {
  char text[400];
  return std::string(text, std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, digits).ptr);
}

void Table::Write(Console& console, TableFormat format, bool heading) const {
  if (format == TableFormat::kCsv) {
    const auto write_row = [&](const auto& cells, const auto& text_of) {
      for (std::size_t c = 0; c < cells.size(); ++c) console.Write((c == 0 ? "" : ",") + Csv(text_of(cells[c])));
      console.Write("\n");
    };
    if (heading) write_row(columns_, [](const Column& column) { return column.name; });
    for (const auto& row : rows_) write_row(row, [](const std::string& cell) { return cell; });
    return;
  }
  if (format == TableFormat::kMarkdown) {
    if (heading) {
      std::string names = "|", rule = "|";
      for (const Column& column : columns_) {
        names += " " + Markdown(column.name) + " |";
        rule += column.number ? " ---: |" : " --- |";
      }
      console.Write(names + "\n" + rule + "\n");
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      std::string line = "|";
      for (std::size_t c = 0; c < rows_[r].size(); ++c) {
        const char* mark = IsBold(r, c) ? "**" : "";
        line += std::string(" ") + mark + Markdown(rows_[r][c]) + mark + " |";
      }
      console.Write(line + "\n");
    }
    return;
  }
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.name));
  std::vector<std::vector<std::string>> lines;
  if (heading) {
    lines.emplace_back();
    for (const Column& column : columns_) lines.back().push_back(column.name);
  }
  for (const auto& row : rows_) {
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(OneLine(cell));
  }
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], DisplayWidth(line[c]));
  const std::size_t first_row = heading ? 1 : 0;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::vector<std::string>& line = lines[n];
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string padding(widths[c] - DisplayWidth(line[c]), ' ');
      const bool bold = n >= first_row && IsBold(n - first_row, c) && Console::WritesToTerminal();
      const std::string cell = bold ? "\x1b[1m" + line[c] + "\x1b[0m" : line[c];
      text += (c == 0 ? "" : "  ") + (columns_[c].number ? padding + cell : cell + padding);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    console.Write(text + "\n");
  }
}

}  // namespace waypost::cli
