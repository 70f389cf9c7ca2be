// SPDX-License-Identifier: Apache-2.0
// Finds the lines that a wish concerns, replaces or adds to them, and holds the result against a
// document that had the same done to its values.
#include "engines/toml_text.h"

#include <algorithm>

#include "engines/marked_text.h"

namespace gpuhook::engines {
namespace {

// What adds a table's lines to `lines`.
void append_table(std::vector<std::string>& lines, const TomlPath& path,
                  const TomlTable::Entries& entries, std::string_view indent = "") {
  if (!lines.empty()) lines.emplace_back();
  lines.push_back(concat(indent, "[", toml_spelling(path), "]"));
  for (const auto& [key, value] : entries)
    lines.push_back(concat(indent, "  ", toml_spelling({key}), " = ", value));
}

TomlPath below(const TomlPath& path, const std::string& name) {
  TomlPath child = path;
  child.push_back(name);
  return child;
}

std::vector<std::string> lines_of(const TomlTable& table) {
  std::vector<std::string> lines;
  append_table(lines, table.path, table.entries);
  if (table.child) append_table(lines, below(table.path, table.child->first), table.child->second);
  return lines;
}

std::string leading_blanks(std::string_view line) {
  return std::string(line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())));
}

// Collects the blocks for one document.
class Editor {
 public:
  explicit Editor(std::string_view text)
      : text_(text), statements_(toml_statements(text)), line_count_(whole_lines(text).size()) {}

  Status set(const TomlKey& key) {
    const TomlPath path = below(key.table, key.key);
    TRY(check_way(path));
    for (const TomlStatement& statement : statements_) {
      if (!statement.header && statement.path == path) {
        const std::string indent = leading_blanks(statement.before_value);
        blocks_.push_back(
            {.first = statement.first,
             .last = statement.last,
             .indent = indent,
             .lines = {concat(statement.before_value.substr(indent.size()), key.value)}});
        return {};
      }
    }
    const auto header = find_header(key.table);
    if (header == statements_.end()) {
      append(key);
      return {};
    }
    blocks_.push_back({.first = header->last,
                       .last = header->last,
                       .indent = indent_below(*header),
                       .lines = {concat(toml_spelling({key.key}), " = ", key.value)}});
    return {};
  }

  Status replace(const TomlTable& table) {
    TRY(check_way(table.path));
    std::vector<Block> replaced = blocks_of(table.path);
    const bool in_place = !replaced.empty() && begins_with_header(replaced.front());
    if (in_place) {
      replaced.front().lines = lines_of(table);
    } else {
      for (const std::string& line : lines_of(table)) add_to_tail(line);
    }
    blocks_.insert(blocks_.end(), replaced.begin(), replaced.end());
    return {};
  }

  std::string finish(bool new_file) {
    if (!tail_.empty())
      blocks_.push_back({.first = line_count_, .last = line_count_, .indent = "", .lines = tail_});
    return with_blocks(text_, std::move(blocks_), new_file);
  }

 private:
  using Statements = std::vector<TomlStatement>;

  // An inline table has no lines of its own to edit.
  Status check_way(const TomlPath& path) const {
    for (const TomlStatement& statement : statements_) {
      if (statement.header || statement.path.size() >= path.size() ||
          !begins_with(path, statement.path))
        continue;
      return fail(
          ErrorKind::kBadInput,
          concat("line ", statement.first + 1, ": ", toml_spelling(statement.path),
                 " is written as one value, and ", toml_spelling(path), " belongs into it"),
          concat("write it as [", toml_spelling(statement.path), "] with a line for each key"));
    }
    return {};
  }

  [[nodiscard]] Statements::const_iterator find_header(const TomlPath& path) const {
    return std::find_if(statements_.begin(), statements_.end(), [&](const TomlStatement& found) {
      return found.header && found.path == path;
    });
  }

  // As the first key below a header has it.
  [[nodiscard]] std::string indent_below(const TomlStatement& header) const {
    for (const TomlStatement& statement : statements_) {
      if (statement.first == header.last && !statement.header)
        return leading_blanks(statement.before_value);
    }
    return leading_blanks(header.before_value) + "  ";
  }

  // The lines of everything at or below a path, header by header.
  [[nodiscard]] std::vector<Block> blocks_of(const TomlPath& path) const {
    std::vector<Block> found;
    bool in_section = false;
    for (const TomlStatement& statement : statements_) {
      if (statement.header) in_section = begins_with(statement.path, path);
      if (!begins_with(statement.path, path)) continue;
      if (in_section && !statement.header) {
        found.back().last = statement.last;
      } else {
        found.push_back({.first = statement.first,
                         .last = statement.last,
                         .indent = leading_blanks(statement.before_value),
                         .lines = {}});
      }
    }
    return found;
  }

  [[nodiscard]] bool begins_with_header(const Block& block) const {
    return std::any_of(statements_.begin(), statements_.end(), [&](const TomlStatement& found) {
      return found.header && found.first == block.first;
    });
  }

  void add_to_tail(const std::string& line) {
    if (!tail_.empty() && line.starts_with('[') && !tail_.back().empty()) tail_.emplace_back();
    tail_.push_back(line);
    tail_table_.clear();
  }

  void append(const TomlKey& key) {
    if (tail_table_ != key.table || tail_.empty()) {
      append_table(tail_, key.table, {});
      tail_table_ = key.table;
    }
    tail_.push_back(concat("  ", toml_spelling({key.key}), " = ", key.value));
  }

  std::string_view text_;
  Statements statements_;
  std::size_t line_count_;
  std::vector<Block> blocks_;
  std::vector<std::string> tail_;
  TomlPath tail_table_;  // which table's keys the tail ends with
};

// --- the same on values
// ----------------------------------------------------------------------------

Result<toml::table> parsed(std::string_view text) {
  return doing("checking what is to be written", formats::parse_toml(text));
}

// The table at a path, made where it is missing; nullptr when something else is in the way.
toml::table* table_at(toml::table& document, const TomlPath& path) {
  toml::table* at = &document;
  for (const std::string& name : path) {
    if (!at->contains(name)) at->insert(name, toml::table());
    at = at->get(name)->as_table();
    if (at == nullptr) return nullptr;
  }
  return at;
}

// Puts what `lines` say about `path` in the place of what `document` says.
Status assign(toml::table& document, const TomlPath& path, const std::vector<std::string>& lines) {
  const toml::table wished = TRY(parsed(joined(lines, "\n")));
  const TomlPath parent(path.begin(), path.end() - 1);
  toml::table* const table = table_at(document, parent);
  if (table == nullptr)
    return fail(ErrorKind::kBadInput, concat(toml_spelling(parent), " is not a table"));
  node_at(wished, path)->visit([&](const auto& value) {
    table->insert_or_assign(path.back(), value);
  });
  return {};
}

std::vector<std::string> lines_of(const TomlKey& key) {
  std::vector<std::string> lines;
  append_table(lines, key.table, {{key.key, key.value}});
  return lines;
}

// Whether the document says it already, so that nothing has to be written.
template <class Item>
Result<bool> says(const toml::table& document, const TomlPath& path, const Item& item) {
  if (node_at(document, path) == nullptr) return false;
  toml::table changed = document;
  TRY(assign(changed, path, lines_of(item)));
  return changed == document;
}

}  // namespace

const toml::node* node_at(const toml::table& document, const TomlPath& path) {
  const toml::node* at = &document;
  for (const std::string& name : path) {
    const toml::table* const table = at == nullptr ? nullptr : at->as_table();
    if (table == nullptr) return nullptr;
    at = table->get(name);
  }
  return at;
}

std::string string_at(const toml::table& document, const TomlPath& path) {
  const toml::node* const node = node_at(document, path);
  return node == nullptr ? std::string() : node->value_exact<std::string>().value_or("");
}

std::string toml_quoted(std::string_view text) { return concat("\"", text, "\""); }

std::optional<std::string> toml_value(const toml::node& node) {
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto text = node.value_exact<std::string>()) {
    const bool plain = std::none_of(text->begin(), text->end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\\';
    });
    return plain ? std::optional(toml_quoted(*text)) : std::nullopt;
  }
  const toml::array* const list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::string out;
  for (const toml::node& item : *list) {
    const auto text = item.is_string() ? toml_value(item) : std::nullopt;
    if (!text) return std::nullopt;
    out += concat(out.empty() ? "" : ", ", *text);
  }
  return concat("[", out, "]");
}

Result<std::string> with_wish(std::string_view text, const TomlWish& wish, bool new_file) {
  const toml::table before = TRY(formats::parse_toml(text));
  toml::table expected = before;
  Editor editor(text);
  for (const TomlKey& key : wish.keys) {
    const TomlPath path = below(key.table, key.key);
    if (TRY(says(before, path, key))) continue;
    TRY(editor.set(key));
    TRY(assign(expected, path, lines_of(key)));
  }
  for (const TomlTable& table : wish.tables) {
    if (TRY(says(before, table.path, table))) continue;
    TRY(editor.replace(table));
    TRY(assign(expected, table.path, lines_of(table)));
  }
  std::string after = editor.finish(new_file);
  const Result<toml::table> got = parsed(after);
  if (got && *got == expected) return after;
  return fail(
      ErrorKind::kBadInput,
      got ? "what is to be written would say something else than it should" : to_line(got.error()),
      "write the tables it is about as [table] headers with a line for each key");
}

Result<EarlierFile> earlier_file(const HostPath& path, const ReadFile& read,
                                 std::string_view preamble) {
  EarlierFile file;
  file.now = TRY(read(path));
  if (!file.now) {
    file.text = preamble;
    file.new_file = true;
    return file;
  }
  if (file.now->starts_with("\xef\xbb\xbf"))
    return fail(ErrorKind::kBadInput, "it begins with a byte order mark", "save it without one");
  if (file.now->find('\0') != std::string::npos)
    return fail(ErrorKind::kBadInput, "it has NUL bytes", "restore it");
  Unmarked unmarked = TRY(without_blocks(*file.now));
  file.text = std::move(unmarked.text);
  file.new_file = unmarked.new_file;
  return file;
}

Result<FileChange> edited_toml_file(const TomlFile& file, const ReadFile& read,
                                    const std::optional<MakeWish>& make_wish) {
  const auto edit = [&]() -> Result<FileChange> {
    EarlierFile earlier = TRY(earlier_file(file.path, read, file.preamble));
    FileChange change{.path = file.path, .before = earlier.now, .after = std::nullopt};
    const toml::table document = TRY(formats::parse_toml(earlier.text));
    if (make_wish) {
      const TomlWish wish = TRY((*make_wish)(document));
      change.after = TRY(with_wish(earlier.text, wish, earlier.new_file));
    } else if (!earlier.new_file || earlier.text != file.preamble) {
      change.after = std::move(earlier.text);
    }
    return change;
  };
  return doing(in_quotes(file.path.text()), edit());
}

}  // namespace gpuhook::engines
