import type { Messages } from "./index";
import { merged } from "./merged";

export default merged(
  import.meta.glob<Messages>("../locales/de/*.json", {
    eager: true,
    import: "default",
  }),
);
