// SPDX-License-Identifier: Apache-2.0
// Specifications are made, found, compared and replaced; how they look decides the library.
#include "cdi_commands.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/text.h"
#include "base/try.h"
#include "completion.h"
#include "gpuhook/cdi_plan.h"
#include "gpuhook/engines.h"

namespace gpuhook::hook {
namespace {

// Where `refresh` begins: what depends on a loaded driver does not outlive a boot.
constexpr std::string_view kDefaultFile = "/run/cdi/nvidia.json";

void print(const std::string& text) { (void)std::fputs(text.c_str(), stdout); }

// What a specification was made with.
struct Recipe {
  RequestOptions request;
  CdiNaming naming = CdiNaming::kBoth;
  std::string libraries;
  Settings settings;
};

Result<Recipe> recipe_of(const CdiOptions& options, const Settings& settings) {
  Recipe recipe;
  recipe.request.capabilities = options.capabilities;
  if (options.capabilities.empty()) recipe.request.capabilities = {"all"};
  if (!options.name_by.empty()) recipe.naming = TRY(parse_cdi_naming(options.name_by));
  recipe.libraries = options.libraries;
  recipe.settings = settings;
  return recipe;
}

// The image is not known: libraries go where the host would have them, and only where every image
// has a place for them.
Result<Container> any_container(const std::string& libraries) {
  Container container;
  const auto convention = TRY(library_convention(libraries));
  container.libraries =
      convention ? *convention : TRY(inspect(TRY(Target::of_directory(HostPath())))).libraries;
  return container;
}

Result<Inventory> inventory_for_names(const Config& config, CdiNaming naming) {
  Inventory inventory = TRY(probe_host(config));
  const bool divided = std::any_of(inventory.gpus.begin(), inventory.gpus.end(),
                                   [](const Gpu& gpu) { return !gpu.mig.empty(); });
  if (naming == CdiNaming::kIndex || !divided) return inventory;
  return ask_driver_library(std::move(inventory), config);
}

Result<CdiSpec> specification(const Recipe& recipe) {
  const Config config = TRY(load(recipe.settings)).config;
  const Request request = TRY(request_of(recipe.request, config));
  const Inventory inventory = TRY(inventory_for_names(config, recipe.naming));
  const Container container = TRY(any_container(recipe.libraries));
  const CdiPlans plans =
      TRY(plan_cdi_devices(request, inventory, container, config, recipe.naming));
  warn(plans.notes);
  const CompletionOptions completion{.request = {},
                                     .devices_of_spec = true,
                                     .libraries = std::string(name_of(container.libraries)),
                                     .name_by = std::string(name_of(recipe.naming)),
                                     .made_for = fingerprint_of(inventory)};
  const CompletionHook hook =
      TRY(completion_hook(plans.common, request, completion, recipe.settings));
  CdiSpec spec = cdi_spec_of(plans, hook, config.add_device_groups);
  TRY(doing("checking the specification", check_cdi_spec(spec)));
  return spec;
}

// --- specifications that are there ---

const CdiHook* our_hook(const CdiSpec& spec) {
  for (const CdiHook& hook : spec.edits.hooks) {
    const auto& args = hook.args;
    if (!args.empty() && args[0] == "gpu-hook" &&
        std::find(args.begin(), args.end(), "complete") != args.end())
      return &hook;
  }
  return nullptr;
}

bool has_name_like(const CdiSpec& spec, bool uuid) {
  return std::any_of(spec.devices.begin(), spec.devices.end(), [uuid](const CdiDevice& device) {
    const std::string_view name = device.name;
    return name != "all" && uuid == (name.starts_with("GPU-") || name.starts_with("MIG-"));
  });
}

CdiNaming naming_of(const CdiSpec& spec) {
  if (!has_name_like(spec, true)) return CdiNaming::kIndex;
  return has_name_like(spec, false) ? CdiNaming::kBoth : CdiNaming::kUuid;
}

// The recipe of a specification that gpu-hook wrote, from the arguments of its hook.
Result<Recipe> recipe_of(const CdiSpec& spec) {
  std::map<std::string, std::string, std::less<>> values;
  for (const std::string_view argument : our_hook(spec)->args) {
    const std::size_t equals = argument.find('=');
    if (equals != std::string_view::npos)
      values.emplace(argument.substr(0, equals), argument.substr(equals + 1));
  }
  const auto path = [&values](std::string_view name) -> Result<std::optional<HostPath>> {
    const auto found = values.find(name);
    if (found == values.end()) return std::optional<HostPath>();
    return std::optional<HostPath>(TRY(HostPath::parse(found->second)));
  };
  Recipe recipe;
  const std::string& naming = values["--name-by"];
  recipe.naming = naming.empty() ? naming_of(spec) : TRY(parse_cdi_naming(naming));
  recipe.request.capabilities = {values["--capability"]};
  recipe.libraries = values["--libraries"];
  recipe.settings.file = TRY(path("--config"));
  recipe.settings.driver_root = TRY(path("--driver-root"));
  recipe.settings.device_root = TRY(path("--device-root"));
  for (const std::string_view name : split(values["--leave-out"], ',')) {
    if (!name.empty()) recipe.settings.leave_out.insert(TRY(parse_omission(name)));
  }
  return recipe;
}

// The recipe of a present specification, with what the command line says over it.
Result<Recipe> recipe_of(const CdiSpec& spec, const CdiOptions& options) {
  Recipe recipe = TRY(recipe_of(spec));
  if (!options.capabilities.empty()) recipe.request.capabilities = options.capabilities;
  if (!options.name_by.empty()) recipe.naming = TRY(parse_cdi_naming(options.name_by));
  if (!options.libraries.empty()) recipe.libraries = options.libraries;
  return recipe;
}

Result<std::vector<HostPath>> directories(const CdiOptions& options) {
  if (options.spec_dirs.empty())
    return std::vector<HostPath>{HostPath::literal("/etc/cdi"), HostPath::literal("/run/cdi")};
  std::vector<HostPath> paths;
  for (const std::string& directory : options.spec_dirs)
    paths.push_back(TRY(path_argument(directory)));
  return paths;
}

struct OurFile {
  HostPath path;
  CdiSpec spec;
};

// The file that was named, or all of ours where engines look. Files of others are left alone.
Result<std::vector<OurFile>> our_files(const CdiOptions& options) {
  std::vector<OurFile> ours;
  if (!options.file.empty()) {
    const HostPath path = TRY(path_argument(options.file));
    std::optional<CdiSpec> spec = TRY(read_cdi_file(path));
    if (spec && our_hook(*spec) == nullptr)
      return fail(ErrorKind::kRefused,
                  concat(in_quotes(path.text()), " was not written by gpu-hook"),
                  "compare it with `gpu-hook cdi generate`");
    if (spec) ours.push_back({.path = path, .spec = std::move(*spec)});
    return ours;
  }
  for (CdiFile& file : read_cdi_directories(TRY(directories(options)))) {
    if (!file.spec) warn({{.what = "left alone", .reason = to_line(file.spec.error())}});
    if (file.spec && our_hook(*file.spec) != nullptr)
      ours.push_back({.path = file.path, .spec = std::move(*file.spec)});
  }
  return ours;
}

// A file of somebody else's is not replaced, whatever it is.
Status check_owner(const HostPath& path) {
  const Result<std::optional<CdiSpec>> present = read_cdi_file(path);
  if (present && (!*present || our_hook(**present) != nullptr)) return {};
  if (!present && present.error().sys_errno != 0) return tl::unexpected<Error>(present.error());
  return fail(ErrorKind::kRefused, concat(in_quotes(path.text()), " was not written by gpu-hook"),
              "remove it, or name another file");
}

// Devices that another file of the directory describes as well: engines would use neither.
void warn_of_twins(const HostPath& path, const CdiSpec& spec) {
  for (const CdiFile& other : read_cdi_directories({path.parent()})) {
    if (!other.spec || other.path == path || other.spec->kind != spec.kind) continue;
    warn({{.what = spec.kind,
           .reason = concat("also described by ", other.path.text(),
                            ": engines use no device that is in both files")}});
  }
}

Status write_spec(const HostPath& path, const CdiSpec& spec, CdiFormat format) {
  TRY(check_owner(path));
  const std::optional<std::string> before = TRY(read_engine_file(path));
  std::string after = cdi_spec_as_text(spec, format);
  if (before != after) {
    EngineChanges changes;
    changes.files.push_back({.path = path, .before = before, .after = std::move(after)});
    TRY(write_engine_changes(changes));
  }
  if (!path.text().ends_with(".json") && !path.text().ends_with(".yaml"))
    warn({{.what = path.text(), .reason = "engines read files that end in .json or .yaml"}});
  warn_of_twins(path, spec);
  return {};
}

Result<CdiFormat> format_of(const CdiOptions& options, const HostPath& path) {
  if (options.format.empty()) return cdi_format_of(path);
  if (options.format == "json") return CdiFormat::kJson;
  if (options.format == "yaml") return CdiFormat::kYaml;
  return fail(ErrorKind::kBadInput, concat("--format is ", in_quotes(options.format)),
              "use json or yaml");
}

// The first specification of ours. One of somebody else's that describes the same devices stays
// the only one, unless a file was named.
Status write_first(const CdiOptions& options, const Settings& settings) {
  const CdiSpec spec = TRY(specification(TRY(recipe_of(options, settings))));
  CdiOptions first = options;
  if (first.file.empty()) {
    first.file = kDefaultFile;
    for (const CdiFile& other : read_cdi_directories(TRY(directories(options)))) {
      if (!other.spec || other.spec->kind != spec.kind) continue;
      return fail(ErrorKind::kRefused,
                  concat(in_quotes(other.path.text()), " describes ", spec.kind, " already"),
                  "remove it, or name a file by --output");
    }
  }
  const HostPath path = TRY(path_argument(first.file));
  TRY(write_spec(path, spec, TRY(format_of(first, path))));
  print(concat(path.text(), ": written\n"));
  return {};
}

Status refresh(const OurFile& file, const CdiOptions& options) {
  const Recipe recipe = TRY(recipe_of(file.spec, options));
  const CdiSpec now = TRY(specification(recipe));
  if (has_name_like(file.spec, true) && !has_name_like(now, true) &&
      recipe.naming != CdiNaming::kIndex) {
    return fail(ErrorKind::kUnsupported,
                "no UUID is known at the moment, by which devices are named",
                "see why: `gpu-hook info`");
  }
  const bool same = now == file.spec;
  if (!same) TRY(write_spec(file.path, now, cdi_format_of(file.path)));
  if (!same || !options.quiet)
    print(concat(file.path.text(), same ? ": up to date\n" : ": rewritten\n"));
  return {};
}

// Where a device is described; a twin is in the same directory, where engines use neither.
struct Place {
  HostPath file;
  std::optional<HostPath> twin;
};

// A later directory overrides an earlier one.
void add_devices(const CdiSpec& spec, const HostPath& file, std::map<std::string, Place>& places) {
  for (const CdiDevice& device : spec.devices) {
    const auto [known, added] =
        places.emplace(concat(spec.kind, "=", device.name), Place{.file = file, .twin = {}});
    if (added) continue;
    if (known->second.file.parent() == file.parent()) {
      known->second.twin = file;
    } else {
      known->second = {.file = file, .twin = {}};
    }
  }
}

}  // namespace

Status cdi_generate(const CdiOptions& options, const Settings& settings) {
  const CdiSpec spec = TRY(specification(TRY(recipe_of(options, settings))));
  if (options.file.empty()) {
    print(cdi_spec_as_text(spec, TRY(format_of(options, HostPath()))));
    return {};
  }
  const HostPath path = TRY(path_argument(options.file));
  TRY(write_spec(path, spec, TRY(format_of(options, path))));
  for (const CdiDevice& device : spec.devices) print(concat(spec.kind, "=", device.name, "\n"));
  return {};
}

Status cdi_list(const CdiOptions& options) {
  std::map<std::string, Place> places;
  std::size_t broken = 0;
  for (const CdiFile& file : read_cdi_directories(TRY(directories(options)))) {
    if (file.spec) {
      add_devices(*file.spec, file.path, places);
    } else {
      warn({{.what = "left alone", .reason = to_line(file.spec.error())}});
      ++broken;
    }
  }
  for (const auto& [name, place] : places) {
    if (place.twin) {
      warn({{.what = name,
             .reason = concat("in ", place.file.text(), " and ", place.twin->text(),
                              ": engines use neither")}});
      ++broken;
    } else {
      print(name + "\n");
    }
  }
  if (places.empty() && broken == 0)
    warn({{.what = "no specification",
           .reason = "write one: `gpu-hook cdi generate --output FILE`"}});
  if (broken == 0) return {};
  return fail(ErrorKind::kBadInput, concat(broken, " of the above cannot be used"),
              "mend or remove the files");
}

Status cdi_verify(const CdiOptions& options, const Settings& /*settings*/) {
  const std::vector<OurFile> files = TRY(our_files(options));
  if (files.empty()) {
    return fail(ErrorKind::kNotFound,
                options.file.empty() ? "there is no specification of gpu-hook's"
                                     : concat(in_quotes(options.file), " does not exist"),
                "write one: `gpu-hook cdi generate --output FILE` or `gpu-hook cdi refresh`");
  }
  std::size_t differences = 0;
  for (const OurFile& file : files) {
    const CdiSpec now = TRY(doing(concat("comparing ", in_quotes(file.path.text())),
                                  specification(TRY(recipe_of(file.spec)))));
    const std::vector<Note> drift = cdi_drift(file.spec, now);
    for (const Note& note : drift)
      print(one_line(concat(file.path.text(), ": ", note.what, ": ", note.reason)) + "\n");
    if (drift.empty()) print(concat(file.path.text(), ": up to date\n"));
    differences += drift.size();
  }
  if (differences == 0) return {};
  return fail(ErrorKind::kRefused,
              concat("the host differs from its CDI specification in ", differences, " places"),
              "run `gpu-hook cdi refresh`");
}

Status cdi_refresh(const CdiOptions& options, const Settings& settings) {
  const std::vector<OurFile> files = TRY(our_files(options));
  if (files.empty()) return write_first(options, settings);
  std::optional<Error> failed;
  for (const OurFile& file : files) {
    Status done = doing(concat("refreshing ", in_quotes(file.path.text())), refresh(file, options));
    if (done) continue;
    if (failed) warn({{.what = "not refreshed", .reason = to_line(*failed)}});
    failed = std::move(done).error();
  }
  if (failed) return tl::unexpected<Error>(std::move(*failed));
  return {};
}

}  // namespace gpuhook::hook
