/** The settings as a page edits them: read, typed over, saved in one piece. */

import {
  computed,
  inject,
  onScopeDispose,
  provide,
  ref,
  shallowRef,
  type ComputedRef,
  type InjectionKey,
  type Ref,
  type ShallowRef,
} from "vue";

import { api, ProblemError } from "@/api/client";
import type { KindDoc, OptionDoc, Settings, SettingsChanged } from "@/api/types";
import { toast } from "@/components/toast";
import { beforeLeaving, place } from "@/router";
import { t } from "@/i18n";

import {
  changesOf,
  differences,
  draftOf,
  headingOf,
  isChanged,
  missing,
  newDraft,
  place as placed,
  rebased,
  type Difference,
  type Draft,
  type Placed,
} from "./model";

export interface Editor {
  settings: ShallowRef<Settings | null>;
  drafts: Ref<Draft[]>;
  isLoading: Ref<boolean>;
  isSaving: Ref<boolean>;
  /** Why the settings could not be read or saved, other than by mistakes. */
  problem: ShallowRef<ProblemError | null>;
  mistakes: Ref<Placed[]>;
  /** What somebody else changed meanwhile; null: nobody did. */
  conflict: ShallowRef<Difference[] | null>;
  /** What was saved last. */
  saved: ShallowRef<SettingsChanged | null>;
  isDirty: ComputedRef<boolean>;
  kind: (name: string) => KindDoc | undefined;
  option: (kind: string, name: string) => OptionDoc | undefined;
  /** The draft of a section; one that is not in the file is made where something is typed. */
  single: (kind: string) => Draft | undefined;
  of: (kind: string) => Draft[];
  named: (kind: string, name: string) => Draft | undefined;
  add: (kind: string, name: string, typed?: Draft["typed"]) => Draft;
  remove: (draft: Draft) => void;
  mistakeAt: (draft: Draft, option: string) => string | null;
  load: () => Promise<void>;
  /** Reads the settings anew and keeps what was typed. */
  rebase: () => Promise<void>;
  /** True: saved, or there was nothing to save. */
  save: () => Promise<boolean>;
  /** Forgets what was typed. */
  discard: () => void;
}

const KEY: InjectionKey<Editor> = Symbol("editor");

/** The editor of the form that this is part of. */
export function useEditor(): Editor {
  return inject(KEY)!;
}

/** The id of an option's control, for the labels and for the list of mistakes. */
export function fieldId(draft: number, option: string): string {
  return `option-${draft}-${option}`;
}

/** Makes an editor for the components below, and reads the settings. */
export function provideEditor(): Editor {
  const settings = shallowRef<Settings | null>(null);
  const drafts = ref<Draft[]>([]);
  const isLoading = ref(false);
  const isSaving = ref(false);
  const problem = shallowRef<ProblemError | null>(null);
  const mistakes = ref<Placed[]>([]);
  const conflict = shallowRef<Difference[] | null>(null);
  const saved = shallowRef<SettingsChanged | null>(null);
  let etag: string | null = null;

  const isTyped = (draft: Draft) =>
    // A section that there is one of is only made where an option of it is set.
    draft.writtenName === null && draft.name === ""
      ? Object.values(draft.typed).some((text) => text !== null)
      : isChanged(draft);
  const changed = computed(() => drafts.value.filter(isTyped));
  const isDirty = computed(() => changed.value.length > 0);

  async function read(): Promise<Settings> {
    const answer = await api.getTagged<Settings>("settings");
    etag = answer.etag ?? answer.value.etag;
    settings.value = answer.value;
    return answer.value;
  }

  function withSingles(found: Draft[], now: Settings): Draft[] {
    const there = new Set(found.map((draft) => draft.kind));
    const more = now.kinds.filter((kind) => !kind.named && !there.has(kind.kind));
    return [...found, ...more.map((kind) => newDraft(kind.kind, ""))];
  }

  async function asked(what: () => Promise<void>): Promise<void> {
    problem.value = null;
    try {
      await what();
    } catch (why) {
      if (!(why instanceof ProblemError)) throw why;
      take(why);
    }
  }

  function take(why: ProblemError): void {
    if (why.status === 422 && why.mistakes.length > 0) {
      mistakes.value = placed(why.mistakes, drafts.value);
    } else problem.value = why;
  }

  async function load(): Promise<void> {
    isLoading.value = true;
    await asked(async () => {
      const now = await read();
      drafts.value = withSingles(now.sections.map(draftOf), now);
      mistakes.value = [];
      conflict.value = null;
    });
    isLoading.value = false;
  }

  async function rebase(): Promise<void> {
    await asked(async () => {
      const now = await read();
      drafts.value = withSingles(rebased(drafts.value, now), now);
      mistakes.value = [];
      conflict.value = null;
    });
  }

  /** What is missing is said before the manager is asked. */
  function unfilled(): Placed[] {
    return changed.value
      .filter((draft) => !draft.isRemoved)
      .flatMap((draft) => {
        const kind = settings.value?.kinds.find((one) => one.kind === draft.kind);
        const names = kind ? missing(draft, kind) : [];
        return names.map((option) => ({
          draft: draft.id,
          option,
          text: t("forms.required"),
        }));
      });
  }

  async function save(): Promise<boolean> {
    mistakes.value = unfilled();
    if (mistakes.value.length > 0) return false;
    const changes = changesOf(changed.value);
    if (changes.length === 0) return true;
    isSaving.value = true;
    let isDone = false;
    await asked(async () => {
      const ask = etag === null ? {} : { ifMatch: etag };
      try {
        saved.value = await api.patch<SettingsChanged>("settings", { changes }, ask);
      } catch (why) {
        if (!(why instanceof ProblemError) || why.status !== 412) throw why;
        await clash();
        return;
      }
      isDone = true;
      toast(t("forms.saved"));
      await renew();
    });
    isSaving.value = false;
    return isDone;
  }

  /** After saving nothing is typed any more, and each draft stays the same one. */
  async function renew(): Promise<void> {
    for (const draft of drafts.value) {
      draft.typed = {};
      if (!draft.isRemoved) draft.writtenName = draft.name;
    }
    drafts.value = drafts.value.filter((draft) => !draft.isRemoved);
    const now = await read();
    const kept = rebased(drafts.value, now).filter((draft) => draft.writtenName !== null);
    drafts.value = withSingles(kept, now);
    conflict.value = null;
  }

  async function clash(): Promise<void> {
    const before = settings.value;
    const now = await api.get<Settings>("settings");
    conflict.value = before ? differences(before, now) : [];
  }

  function discard(): void {
    mistakes.value = [];
    problem.value = null;
    if (conflict.value !== null || settings.value === null) void load();
    else drafts.value = withSingles(settings.value.sections.map(draftOf), settings.value);
  }

  const editor: Editor = {
    settings,
    drafts,
    isLoading,
    isSaving,
    problem,
    mistakes,
    conflict,
    saved,
    isDirty,
    kind: (name) => settings.value?.kinds.find((one) => one.kind === name),
    option: (kind, name) =>
      settings.value?.kinds
        .find((one) => one.kind === kind)
        ?.options.find((one) => one.name === name),
    single: (kind) => drafts.value.find((draft) => draft.kind === kind && !draft.isRemoved),
    of: (kind) => drafts.value.filter((draft) => draft.kind === kind && !draft.isRemoved),
    named: (kind, name) =>
      drafts.value.find((one) => one.kind === kind && one.name === name && !one.isRemoved),
    add(kind, name, typed = {}) {
      drafts.value.push(newDraft(kind, name, typed));
      return drafts.value[drafts.value.length - 1]!;
    },
    remove(draft) {
      if (draft.writtenName === null) {
        drafts.value = drafts.value.filter((one) => one.id !== draft.id);
      } else draft.isRemoved = true;
    },
    mistakeAt: (draft, option) =>
      mistakes.value.find((one) => one.draft === draft.id && one.option === option)?.text ??
      null,
    load,
    rebase,
    save,
    discard,
  };
  provide(KEY, editor);
  guard(isDirty);
  void load();
  return editor;
}

/** Where the person wants to go while something typed would be lost; null: nowhere. */
export const leaving = shallowRef<string | null>(null);

/** Has the page ask, by LeaveDialog, before something typed is lost by leaving. */
export function guard(isDirty: ComputedRef<boolean> | Ref<boolean>): void {
  const unload = (event: BeforeUnloadEvent) => {
    if (isDirty.value) event.preventDefault();
  };
  addEventListener("beforeunload", unload);
  const stop = beforeLeaving((target) => {
    const isSameView = target.split(/[/?]/)[1] === place.value.view;
    if (!isDirty.value || isSameView || leaving.value === target) return true;
    leaving.value = target;
    return false;
  });
  onScopeDispose(() => {
    removeEventListener("beforeunload", unload);
    stop();
    leaving.value = null;
  });
}

/** What a section is called, for people. */
export function titleOf(draft: Draft): string {
  return headingOf(draft.kind, draft.name);
}
