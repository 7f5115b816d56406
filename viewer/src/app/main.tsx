import "./trusted";
import "./early";
import "../ui/base.css";
import { render } from "preact";
import { startLanguage } from "../ui/language";
import { App } from "./app";

void startLanguage().then(() => render(<App />, document.getElementById("app")!));
